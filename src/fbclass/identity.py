"""Words for origin, sex and age, which the model reads as one word of their kind.

Whether a comment about the Chengdu office gets a tag must not hang on its being about Chengdu. A model that cannot
see the name cannot learn from it (fairness through unawareness, Kusner et al. 2017,
https://arxiv.org/abs/1703.06856): 成都 and 德国 are both read as 某地, 她 as 他, 95后 as 90后, 老周 as 小周.
Men and women, or two decades, that one comment sets against each other stay as they are. Words that are not listed
here are seen, and so are names of people.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# Names that are often part of something else (大同, 开封, 日照, 汉堡) are left out; the others look around themselves
# where Chinese runs words together: 完成都要等, 指南方案, 推广东西.
_PLACES = """
北京 (?<![今每几一三两半冬整聊])天津(?!贴) 上海(?![量报拔外鲜投内]) (?<!隆)重庆 河北 山西 辽宁 吉林 黑龙江 江苏 浙江
安徽 (?<!幸)福建 江西 山东 河南 湖北 湖南 (?<!推)广东 海南 四川 贵州 云南 陕西 甘肃 青海 台湾 内蒙古 (?<!推)广西
(?<!东)西藏 宁夏 新疆 香港 澳门 石家庄 唐山 秦皇岛 邯郸 邢台 沧州 廊坊 雄安 太原(?![始地]) 大连(?![接锁续通环]) 沈阳
鞍山 本溪 丹东 锦州 (?<![运民经])营口(?!径) 阜新 盘锦 铁岭 葫芦岛 (?<![班部店处科院校厂队会行局市县区组])长春(?!节)
哈尔滨 齐齐哈尔 佳木斯 牡丹江 双鸭山 鹤岗 呼和浩特 赤峰 通辽 鄂尔多斯 呼伦贝尔 南京 无锡 徐州 常州 苏州
(?<!指)南通(?![知过道用常行]) 连云港 淮安 盐城 扬州 镇江 泰州 宿迁 杭州 宁波 温州 嘉兴 湖州 (?<!介)绍兴 金华 衢州
舟山 (?<![后平前])台州 丽水 义乌 昆山 合肥 芜湖 蚌埠 马鞍山 淮南 淮北 铜陵 黄山 滁州 阜阳 宿州 亳州 池州 宣城 福州
(?<!大)厦门(?![禁口]) 莆田 泉州 漳州 龙岩 宁德 南昌 景德镇 萍乡 九江 鹰潭 赣州 抚州 济南 青岛 淄博 枣庄
(?<![股京房])东营 烟台 潍坊 济宁 泰安 威海 (?<![道品])德州 聊城 滨州 菏泽 郑州 洛阳 平顶山 鹤壁 焦作 濮阳 许昌 漯河
三门峡 商丘 驻马店 武汉 黄石 十堰 宜昌 襄阳 鄂州 荆门 荆州 黄冈 咸宁 随州 长沙(?!发) 株洲 湘潭 衡阳 邵阳 岳阳(?!楼)
张家界 郴州 永州 娄底 广州 韶关 深圳 珠海 汕头 佛山 江门(?!户) 湛江 茂名 肇庆 (?<!优)惠州 梅州 汕尾 东莞
(?<!其)中山(?![装陵头]) 潮州 揭阳 云浮 顺德 南宁 柳州 桂林 梧州 北海 防城港 钦州 贵港 玉林 贺州 崇左 (?<![下夸])海口
三亚 (?<![变完达换改做形生造促合构提谈弄养落收赞集当年])成都 攀枝花 泸州 绵阳 遂宁 乐山 南充 眉山 贵阳 六盘水 遵义
铜仁 昆明 曲靖 玉溪 保山 昭通 丽江 普洱 临沧 拉萨 日喀则 林芝 (?<!东)西安(?![排全装置心静]) 铜川 宝鸡 咸阳 渭南 汉中
榆林 商洛 兰州 嘉峪关 武威 张掖 平凉 酒泉 西宁 银川 石嘴山 乌鲁木齐 克拉玛依 吐鲁番 哈密 喀什 伊犁 阿克苏
(?<![平前后柜])台北(?![侧方边面]) 高雄 (?<![平前后舞柜一机])台中(?![心台]) 东北(?![角门方]) 西北(?![风角门])
西南(?![通方]) 华东 华南 华北 华中 江浙沪 江浙 长三角 珠三角 京津冀 川渝 云贵 两广 港台 港澳
(?<![东西指中])南方(?![案面向式法便]) (?<![东西台着])北方(?![案面向式法便]) (?<![其划团])中国(?![家内际])
(?<![假作周当生节次隔])日本(?![来身应该]) 韩国 朝鲜(?![明艳]) 蒙古 越南 老挝 柬埔寨 泰国 缅甸 马来西亚 新加坡
印度尼西亚 印尼 菲律宾 印度 巴基斯坦 孟加拉国 孟加拉 斯里兰卡 尼泊尔 阿富汗 伊朗 伊拉克 科威特 沙特阿拉伯 沙特
阿联酋 卡塔尔 阿曼 以色列 黎巴嫩 叙利亚 土耳其 格鲁吉亚 亚美尼亚 阿塞拜疆 哈萨克斯坦 乌兹别克斯坦 吉尔吉斯斯坦
塔吉克斯坦 土库曼斯坦 俄罗斯 乌克兰 白俄罗斯 波兰 (?<!敏)捷克(?![服制]) 斯洛伐克 匈牙利 罗马尼亚 保加利亚 塞尔维亚
克罗地亚 斯洛文尼亚 希腊 意大利 西班牙 葡萄牙 (?<![方办说想做])法国 (?<![道品])德国 英国 爱尔兰 荷兰 比利时 卢森堡
瑞士 奥地利 丹麦 瑞典 挪威 芬兰 冰岛 爱沙尼亚 拉脱维亚 立陶宛 埃及 利比亚 突尼斯 阿尔及利亚 摩洛哥 埃塞俄比亚 肯尼亚
坦桑尼亚 乌干达 卢旺达 尼日利亚 科特迪瓦 塞内加尔 喀麦隆 安哥拉 赞比亚 津巴布韦 莫桑比克 (?<!指)南非(?!常)
马达加斯加 (?<!完)美国 加拿大 墨西哥 巴拿马 哥斯达黎加 哥伦比亚 委内瑞拉 厄瓜多尔 秘鲁 玻利维亚 阿根廷 乌拉圭 巴拉圭
巴西 澳大利亚 澳洲 新西兰 斐济 欧洲 欧美 亚洲 亚太 非洲 美洲 北美 南美 拉美 东南亚 (?<!途)中东(?![西部张]) 东京 大阪
首尔 曼谷 胡志明 雅加达 吉隆坡 马尼拉 新德里 孟买 班加罗尔 迪拜 伦敦 巴黎 柏林 慕尼黑 法兰克福 斯图加特 米兰 马德里
莫斯科 纽约 硅谷 旧金山 洛杉矶 芝加哥 波士顿 西雅图 多伦多 温哥华 悉尼 墨尔本 圣保罗 伊斯坦布尔
"""
_NOT_A_DAY = "(?<![0-9０-９一二三四五六七八九十今明昨次周隔当即终息休何他早几生节假作近往每末平])"
_NOT_A_LAW = "(?<![合设想办做说看司守违方语算执立非])"
_NOT_A_VIRTUE = "(?<![道品公])"
# 方 of a joint venture, 企 and 资 of a firm's owners, 语 and 文: 日 may be a day, 法 a law, 德 a virtue.
_NATION = f"(?:{_NOT_A_DAY}日|{_NOT_A_LAW}法|{_NOT_A_VIRTUE}德|[韩俄])"
_OWNER = f"(?:{_NATION}|(?<![完优精健])美|英|港|(?<![平前后中柜讲站一])台)"
# The words for women and what is read instead; 小姐妹, 父母亲, 夫妻子女 and the like are something else.
_FEMALE = {
    "她": "他",
    "女士": "先生",
    "小姐姐": "小哥哥",
    "小姑娘": "小伙子",
    "姑娘": "小伙",
    "妹子": "小伙",
    "小妹": "小哥",
    "美女": "帅哥",
    "小姐(?![妹脾])": "先生",
    "大姐": "大哥",
    "姐姐": "哥哥",
    "妹妹": "弟弟",
    "师姐(?!妹)": "师兄",
    "学姐(?!妹)": "学长",
    "阿姨": "叔叔",
    "(?<!强)大妈(?![妈咪])": "大爷",
    "宝妈": "宝爸",
    "大婶": "大叔",
    "奶奶": "爷爷",
    "妈妈": "爸爸",
    "(?<!父)母亲(?!节)": "父亲",
    "老婆(?![婆饼])": "老公",
    "(?<!夫)妻子": "丈夫",
}
_WOMEN = (
    "同事|同学|员工|职工|职员|领导|上司|经理|主管|主任|老板|老师|博士|会计|客服|秘书|销售|店员|保安|司机|技术|程序员|"
    "工(?!委)|生(?!产)|孩|性|人|的|[医护教律]"
)
_SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙朱胡郭何林罗梁宋郑谢韩唐冯董萧曹袁邓许傅沈彭吕苏卢蒋蔡贾"
    "丁魏薛阎潘戴钟汪田任姜范姚谭廖邹熊孟秦邱侯尹顾贺龚郝邵汤钱严武孔"
)
_KINDS = (
    ("place", "|".join(sorted(_PLACES.split(), key=len, reverse=True)), "某地"),
    ("side", f"(?:{_NATION}|(?<![完优精健])美|英)方(?![面便式法案向可能才得])", "外方"),
    ("firm", f"{_OWNER}(?=企(?![业划图鹅微])|资(?![料格源金质图深产费本讯历助]))", "外"),
    ("tongue", f"{_NATION}(?=语(?![气音言调速录境料义句病焉文序])|文(?![件字档章化明案本书稿艺娱笔风员]))", "外"),
    ("dialect", "粤语|闽南语|客家话|潮汕话", "方言"),
    ("woman", f"(?<![子儿妇男母孕])女(?={_WOMEN})", "男"),
    ("sister", f"(?<=[{_SURNAMES}])姐(?![姐妹夫])", "哥"),
    (
        "decade",
        "(?<![0-9０-９:：.．点时第到满达超/~-])(?:[5-9５-９][05０５]|[0０][05０５]|零零|零五|[六七八九][零五]) ?后"
        "(?=$|[的们和与跟是都也不爱带一组班店员同主新小年老，。！？、,.!?;；:：”）)…/ ]|领导|导|编)",
        "90后",
    ),
    (
        "years",
        "(?<![0-9０-９二三四五六七八九~-])(?:[1-9][0-9]|[二三四五六七]十[一二三四五六七八九]?)(?= ?[多几来]?周?岁)",
        "30",
    ),
    (
        "old",
        f"(?<![元长父养敬古])老(?=[{_SURNAMES}](?:$|[^\\u4e00-\\u9fff]|[说那这在也都的和跟就又他她找去让讲问管给带教退走把是]))",
        "小",
    ),
)
_SAME = {name: same for name, _, same in _KINDS}
_WORDS = re.compile(
    "|".join(
        [f"(?P<female>{'|'.join(sorted(_FEMALE, key=len, reverse=True))})", *(f"(?P<{n}>{p})" for n, p, _ in _KINDS)]
    )
)
_MALE = {re.sub(r"\(.*?\)", "", word): same for word, same in _FEMALE.items()}


def find_identity_words(text: str) -> Iterator[tuple[int, int, str]]:
    """Start, end and what is read instead, of every identity word in ``text`` (simplified characters), in order."""
    found = list(_WORDS.finditer(text))
    decades = {match[0] for match in found if match.lastgroup == "decade"}
    for match in found:
        kind = str(match.lastgroup)
        if (kind == "woman" and "男" in text) or (kind == "decade" and len(decades) > 1):
            continue  # set against each other
        same = _MALE[match[0]] if kind == "female" else _SAME[kind]
        if match[0] != same:
            yield match.start(), match.end(), same
