"""Receivers: what form platforms send becomes submissions.

One module for each platform, each with a ``PLATFORM``: its name in the address, the model of its settings,
and a function from request to ``Delivery`` that verifies and translates and does nothing else. Another
platform is another module and another name in the tuple below. For 钉钉 and 企业微信, which check an address
with a GET and want an encrypted answer, ``Incoming`` already carries the query and ``Delivery.reply`` the
answer; the route then needs the method GET as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.receivers import feishu, tencent, webhook, wjx
from api.receivers.delivery import Platform

PLATFORMS: Mapping[str, Platform[Any]] = {
    module.PLATFORM.name: module.PLATFORM for module in (wjx, tencent, feishu, webhook)
}
