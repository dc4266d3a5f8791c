"""Every kind of problem that the service answers with: a stable name, a status, a sentence in each language."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: ``slug`` names it for programs, the sentences are for people."""

    slug: str
    status: HTTPStatus
    english: str
    chinese: str


INVALID_JSON = Kind(
    "invalid-json",
    HTTPStatus.BAD_REQUEST,
    "The body is not valid JSON in UTF-8.",
    "请求体不是有效的 UTF-8 JSON。",
)
KEY_MISSING = Kind(
    "key-missing",
    HTTPStatus.UNAUTHORIZED,
    "This needs an access key: send Authorization: Bearer fbc_…; fbclass keys create makes one.",
    "需要访问密钥:请发送请求头 Authorization: Bearer fbc_…;用 fbclass keys create 创建密钥。",
)
KEY_REFUSED = Kind(
    "key-refused",
    HTTPStatus.UNAUTHORIZED,
    "The access key is unknown, revoked or expired; fbclass keys list shows those there are.",
    "访问密钥不存在、已撤销或已过期;用 fbclass keys list 查看。",
)
SCOPE_MISSING = Kind(
    "scope-missing",
    HTTPStatus.FORBIDDEN,
    "The access key lacks the scope that WWW-Authenticate names; make a key with fbclass keys create --scope.",
    "访问密钥缺少 WWW-Authenticate 响应头所列的权限;请用 fbclass keys create --scope 创建有此权限的密钥。",
)
NOT_LOCAL = Kind(
    "not-local",
    HTTPStatus.FORBIDDEN,
    "Only this machine may use the service until an access key is made: fbclass keys create.",
    "创建访问密钥(fbclass keys create)之前,只允许本机访问。",
)
FOREIGN_PAGE = Kind(
    "foreign-page",
    HTTPStatus.FORBIDDEN,
    "A web page of another site may not change anything here; FBCLASS_CORS_ORIGINS names those that may.",
    "其他网站的页面不能在此进行操作;允许的页面由 FBCLASS_CORS_ORIGINS 指定。",
)
NOT_FOUND = Kind(
    "not-found",
    HTTPStatus.NOT_FOUND,
    "There is nothing at this path; /openapi.json lists the paths there are.",
    "没有这个地址;全部地址见 /openapi.json。",
)
METHOD_NOT_ALLOWED = Kind(
    "method-not-allowed",
    HTTPStatus.METHOD_NOT_ALLOWED,
    "This path does not take this method; the Allow header names those it takes.",
    "该地址不支持此请求方法;可用的方法见 Allow 响应头。",
)
TOO_SLOW = Kind(
    "request-too-slow",
    HTTPStatus.REQUEST_TIMEOUT,
    "The body did not arrive in time; send it again.",
    "请求体未能及时到达,请重新发送。",
)
CONFLICT = Kind(
    "conflict",
    HTTPStatus.CONFLICT,
    "Something else was stored under this source_id or Idempotency-Key; give each submission its own.",
    "此 source_id 或 Idempotency-Key 下已存有不同的内容;请为每条提交使用各自的编号。",
)
MODEL_REFUSED = Kind(
    "model-refused",
    HTTPStatus.CONFLICT,
    "The new model was refused and the old one stays.",
    "新模型未通过检查,继续使用原模型。",
)
DELETED = Kind(
    "deleted",
    HTTPStatus.GONE,
    "This submission was deleted and stays so.",
    "该提交已被删除,不会恢复。",
)
BODY_TOO_LARGE = Kind(
    "body-too-large",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "The body is too large; send fewer comments at a time.",
    "请求体过大,请减少每次发送的评论数。",
)
UNSUPPORTED_MEDIA_TYPE = Kind(
    "unsupported-media-type",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "Send the body as Content-Type: application/json, in UTF-8.",
    "请以 Content-Type: application/json(UTF-8 编码)发送请求体。",
)
HOST_NOT_ALLOWED = Kind(
    "host-not-allowed",
    HTTPStatus.MISDIRECTED_REQUEST,
    "The Host header must be localhost, 127.0.0.1 or [::1].",
    "Host 请求头只能是 localhost、127.0.0.1 或 [::1]。",
)
INVALID_INPUT = Kind(
    "invalid-input",
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "The body breaks the rules; errors says where and how.",
    "请求体不符合要求,errors 里写明了位置和原因。",
)
INVALID_PARAMETERS = Kind(
    "invalid-parameters",
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "A parameter of the address or a header breaks the rules; errors says which and how.",
    "地址参数或请求头不符合要求,errors 里写明了是哪个以及原因。",
)
RATE_LIMITED = Kind(
    "rate-limited",
    HTTPStatus.TOO_MANY_REQUESTS,
    "This access key has used up its requests; send again after the seconds in Retry-After.",
    "该访问密钥的请求次数已用完,请在 Retry-After 指定的秒数之后重试。",
)
QUEUE_FULL = Kind(
    "queue-full",
    HTTPStatus.TOO_MANY_REQUESTS,
    "Too many comments are waiting; send again after the seconds in Retry-After.",
    "排队的评论太多,请在 Retry-After 指定的秒数之后重试。",
)
INTERNAL = Kind(
    "internal-error",
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "The service failed; its log has more under the X-Request-ID of this answer.",
    "服务内部出错,可凭本响应的 X-Request-ID 查看服务日志。",
)
NOT_READY = Kind(
    "not-ready",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The service is starting or stopping; try again shortly.",
    "服务正在启动或停止,请稍后重试。",
)
TIMED_OUT = Kind(
    "timed-out",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The answer took too long; send again after the seconds in Retry-After, fewer comments at a time.",
    "处理超时,请在 Retry-After 指定的秒数之后重试,并减少每次发送的评论数。",
)
STORAGE_DOWN = Kind(
    "storage-unavailable",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The database does not answer, so nothing was stored; send again after the seconds in Retry-After.",
    "数据库暂时不可用,内容没有保存;请在 Retry-After 指定的秒数之后重试。",
)
STORAGE_FULL = Kind(
    "storage-full",
    HTTPStatus.INSUFFICIENT_STORAGE,
    "The disk under the database is full, so nothing was stored; free some space and send again.",
    "数据库所在磁盘已满,内容没有保存;请腾出空间后重试。",
)
