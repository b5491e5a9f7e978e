"""Letters that languages have beyond ASCII, and the encodings that they are written in.

Knows languages, nothing of how an encoding is guessed from them.
"""

# ruff: noqa: RUF001 (letters of one script look like those of another)
from dataclasses import dataclass


@dataclass(frozen=True)
class Script:
    """Encodings, the most usual first, and the languages that are written in them."""

    encodings: tuple[str, ...]
    languages: tuple[str, ...]  # of each its letters beyond ASCII, the most frequent first


SCRIPTS = (  # the most usual first
    Script(
        ("cp1252", "iso-8859-15", "mac-roman", "cp850"),
        (
            "’“”–—…é",  # English
            "éàèêçôîûùâïëœ",  # French
            "üäöß",  # German
            "óíáéñúü",  # Spanish
            "ãçáéíóêõâúàô",  # Portuguese
            "èàòùìé",  # Italian
            "äöåé",  # Swedish, Finnish
            "øåæé",  # Danish, Norwegian
            "éëïèöü",  # Dutch
            "éàóèíçòúïü",  # Catalan
            "íáðóþöéæúý",  # Icelandic
        ),
    ),
    Script(
        ("cp1250", "iso-8859-2", "cp852"),
        (
            "łąęóśżćńź",  # Polish
            "íáěéřčýžšůúťňďó",  # Czech
            "áíýčéžšúľťôňďäóŕĺ",  # Slovak
            "áéöóőüíúű",  # Hungarian
            "ăîşâţ",  # Romanian
            "čšžćđ",  # Croatian, Slovene
        ),
    ),
    Script(
        ("cp1251", "koi8-r", "koi8-u", "cp866", "iso-8859-5", "mac-cyrillic"),
        (
            "оеаинтсрвлкмдпуяыьгзбчйжхшюцщэфёъ",  # Russian
            "оаинвіертсклумдпязьбгчйхжїцюєшщфґ",  # Ukrainian
            "аиоентрсвлкдпмзгяъубчцйжщхшюфь",  # Bulgarian
            "аиоенрсуткјвдмплгзбчшжцњљхћђџф",  # Serbian
        ),
    ),
    Script(("cp1254",), ("ıüşçğöiâî",)),  # Turkish, whose İ is an i in small
    Script(("cp1253", "iso-8859-7"), ("αοιετσνηυρπκμλςάίόγδέωχθύήφώβξζψ",)),
    Script(
        ("cp1257",),
        (
            "ėšįųūžąčę",  # Lithuanian
            "āīēšūņļžķģč",  # Latvian
            "äõüöšž",  # Estonian
        ),
    ),
    Script(("cp1255", "iso-8859-8"), ("יוהלאתברשמנעדחקפכםסטןגצזךץף",)),
    Script(("cp1256", "iso-8859-6"), ("اليمونرتبةعدسفهكقأحجشطصىخذغضثإزءئظآؤ",)),
    Script(("cp874",), ("านรก่อเ้งมยลวัีดทสตะปบิคหแ์จพุืชขไใูำ็ซผถศณ",)),
    Script(("cp1258",), ("\u0301\u0300đư\u0323âôơêă\u0309\u0303áàéèóòúùíìý",)),  # Vietnamese
    Script(
        ("cp932", "euc-jp"),
        (
            "のいたはしてにとるがなでをっかまれらすりくさこもあきょうそんだけ"
            "えちよおわせめつやどみろじねばゃほべぎびへごふげゅひむぶゆ"
            "ーンスルトリイアラックドシレジタフロカテマィグバムプオコデニ"
            "日一人年大本中出時行見月分後前生間上今入気小話女思品使買店度私何高良悪",
        ),
    ),
    Script(
        ("gb18030",),
        (
            "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下"
            "自之年过发后作里用道行所然家事成方多经么去法学如都同现当没动面起看定天分还进好小部其"
            "些主样理心她本前开但因只从想买很快店品质量太差服务喜欢电影东西",
        ),
    ),
    Script(
        ("big5", "cp950"),
        (
            "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下"
            "自之年過發後作裡用道行所然家事成方多經麼去法學如都同現當沒動面起看定天分還進好小部其"
            "些主樣理心她本前開但因只從想買很快店品質量太差服務喜歡電影東西",
        ),
    ),
    Script(
        ("cp949",),
        ("이다에의는로하을가고지서한은기으년대사시를리도인스일어자나있아그것들해수만라게보좋",),
    ),
)
