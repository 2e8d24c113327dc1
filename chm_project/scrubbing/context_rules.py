"""Rules for secrets that are recognizable by the text around them: addresses, headers, commands, key blocks."""

import re

from chm_project.scrubbing.rules import Rule

# The characters between an option and its value: blanks, an equals sign, or the quotes and comma of a printed list.
_BETWEEN_OPTION_AND_VALUE = r"""(?:\\?["'],?\s{0,4}\\?["']|\s{1,8}|=)"""
_ARGUMENT = r"""(?:\\?"([^"\\]{1,1024})|\\?'([^'\\]{1,1024})|([^\s"'`,;|<>\[\]{}\\]{1,1024}))"""
_REST_OF_HEADER = r"""[^\r\n"'<>\\]{1,4096}"""


def _rule(
    name: str,
    reason: str,
    anchors: tuple[str, ...],
    pattern: str,
    *examples: str,
    characters_before: int = 0,
    nearby_words: tuple[str, ...] = (),
    must_look_random: bool = False,
) -> Rule:
    return Rule(
        name,
        reason,
        anchors,
        re.compile(pattern, re.IGNORECASE),
        examples,
        characters_before,
        nearby_words,
        must_look_random,
    )


_WEBHOOKS = (
    "hooks.zapier.com/hooks/catch/", "events.pagerduty.com/integration/", "hc-ping.com/", "hook.eu1.make.com/",
    "hook.eu2.make.com/", "hook.us1.make.com/", "hook.integromat.com/", "hooks.airtable.com/workflows/v1/",
    "uptime.betterstack.com/api/v1/heartbeat/", "outlook.office.com/webhook/",
)  # fmt: skip

ADDRESS_RULES = (
    _rule(
        "user and password in an address",
        "The text between :// and @ gives access to the account; a password may contain an @.",
        ("://",),
        r"""(?<=[a-z0-9])://([^\s/:@"'<>]{0,256}:[^\s/"'<>]{0,1024})@""",
        "postgres://«chm:hunter2»@db/x",
        "amqp://«u:p@ss@word»@host/vhost",
    ),
    _rule(
        "token in an address",
        "Git and Sentry accept a token in place of the user.",
        ("://",),
        r"""(?<=[a-z0-9])://([^\s/:@"'<>]{16,256})@""",
        "https://«{alnum:40}»@github.com/x/y.git",
        must_look_random=True,
    ),
    _rule(
        "Slack webhook",
        "Anyone with the address can post.",
        ("hooks.slack.com/",),
        r"hooks\.slack\.com/(?:services|workflows|triggers)/([\w/-]{8,})",
        "https://hooks.slack.com/services/«T{upper:8}/B{upper:8}/{alnum:24}»",
    ),
    _rule(
        "Discord webhook",
        "Anyone with the address can post.",
        ("/api/webhooks/",),
        r"/api/webhooks/(\d{6,20}/[\w-]{16,})",
        "https://discord.com/api/webhooks/«{digits:18}/{alnum:68}»",
    ),
    _rule(
        "Teams webhook",
        "Anyone with the address can post.",
        ("webhook.office.com/",),
        r"webhook\.office\.com/webhookb?2?/([\w@/.-]{16,})",
        "https://acme.webhook.office.com/webhookb2/«{hex:8}-{hex:4}@{hex:12}/IncomingWebhook/{hex:32}/{hex:8}»",
    ),
    _rule(
        "webhook of another service",
        "Anyone with the address can send events.",
        _WEBHOOKS,
        rf"(?:{'|'.join(map(re.escape, _WEBHOOKS))})([\w@/.-]{{6,1024}})",
        "https://hooks.zapier.com/hooks/catch/«{digits:7}/{lower:7}»",
    ),
    _rule(
        "Telegram bot in an address",
        "The token is part of the path.",
        ("/bot",),
        r"/bot(\d{6,12}:[\w-]{20,})",
        "https://api.telegram.org/bot«{digits:10}:{alnum:35}»/sendMessage",
    ),
    _rule(
        "signed query parameter",
        "A signature or credential in an address gives access to it.",
        ("x-amz-", "x-goog-"),
        r"""x-(?:amz|goog)-(?:signature|credential|security-token)=([^&\s"'#<>\\]{1,4096})""",
        "?X-Amz-Signature=«{hex:64}»",
    ),
    _rule(
        "key or code in a query",
        "Keys of Google Maps and Azure Functions, and OAuth codes. A short value is usually a status or a column name.",
        ("?key=", "&key=", "?code=", "&code=", "?k=", "&k="),
        r"""[?&]\w{1,4}=([^&\s"'#<>\\]{16,1024})""",
        "?code=«{alnum:40}»&state=x",
        must_look_random=True,
    ),
)  # fmt: skip

HEADER_AND_LOGIN_RULES = (
    _rule(
        "Authorization header",
        "The credentials after the scheme are hidden; the scheme is kept.",
        ("authorization",),
        r"""authorization\\{0,6}["']?\s{0,8}[:=]\s{0,8}\\{0,6}["']?(?:[\w-]{1,32}\s{1,8}(?=[^\s"']{6}))?(?![<${\[])"""
        r"""([^\s"',;<>\\]{6,4096})""",
        "Authorization: Bearer «{alnum:24}»",
        "authorization=Basic «{base64:20}==»",
        must_look_random=True,
    ),
    _rule(
        "signed Authorization header",
        "Digest, OAuth and AWS signatures extend to the end of the line.",
        ("authorization",),
        r"""authorization\\{0,6}["']?\s{0,8}[:=]\s{0,8}\\{0,6}["']?(?:AWS4-HMAC-SHA256|Digest|OAuth|Hawk|Signature)\s"""
        r"""{1,4}([^\r\n<>]{6,4096})""",
        "Authorization: AWS4-HMAC-SHA256 «Credential=AKIA{upper:16}/x, Signature={hex:64}»",
    ),
    _rule(
        "bearer or basic credentials",
        "Credentials without the name of the header. The words 'bearer authentication' are not a credential.",
        ("bearer ", "basic ", "negotiate "),
        r"""\b(?:bearer|basic|negotiate)\s{1,8}(?!realm=)([a-z0-9._~+/=-]{6,4096})""",
        "proxy said Bearer «{alnum:22}»",
        "bearer «{lower:32}» was refused",
        must_look_random=True,
    ),
    _rule(
        "token in place of user and password",
        "curl also accepts a token without a password: -u TOKEN or -u TOKEN:",
        ("-u", "--user"),
        r"""(?<![\w-])(?:-u|--user)"""
        + _BETWEEN_OPTION_AND_VALUE
        + r"""\\?["']?([\w.-]{16,1024}):?(?=["'\s\\]|\Z)""",
        "curl -u «{hex:32}»: https://api.example.test",
        nearby_words=("curl", "wget", "http"),
        must_look_random=True,
    ),
    _rule(
        "line of a .pgpass file",
        "The line has the form host:port:database:user:password.",
        (":5432:",),
        r""":5432:[\w*.-]{1,64}:[\w*.@-]{1,64}:([^\s"'\\]{1,256})""",
        "db:5432:dw:etl:«hunter2»",
    ),
    _rule(
        "SMTP login",
        "The login is user and password in base64.",
        ("auth plain ", "auth login "),
        r"auth (?:plain|login) ([a-z0-9+/]{8,}={0,2})",
        "AUTH PLAIN «{base64:24}==»",
        must_look_random=True,
    ),
    _rule(
        "Cookie header",
        "Any cookie can contain the session id, so all cookies are hidden.",
        ("cookie",),
        rf"""cookies?\\{{0,6}}["']?\s{{0,8}}[:=]\s{{0,8}}\\{{0,6}}["']?([\w.-]{{1,64}}=(?!\s){_REST_OF_HEADER})""",
        "Cookie: «a=x1; session={alnum:40}»",
    ),
    _rule(
        "printed cookies",
        "The library requests prints cookies as a dictionary.",
        ("cookies",),
        r"""cookies?["']?\s{0,4}[:=]\s{0,4}(\{[^{}]{1,4096}\}?)""",
        "cookies=«{'session': '{alnum:24}'}»",
    ),
)  # fmt: skip

COMMAND_RULES = (
    _rule(
        "user and password of a command",
        "curl -u user:password and similar. Two numbers are the ids of user and group, as in docker run -u 1000:1000.",
        ("-u", "--user"),
        r"""(?<![\w-])(?:-u|--user|--proxy-user)"""
        + _BETWEEN_OPTION_AND_VALUE
        + r"""(?:\\?"[^\s:"]{1,128}:([^"\\]{1,512})|\\?'[^\s:']{1,128}:([^'\\]{1,512})"""
        r"""|(?!\d{1,6}:\d{1,6}(?!\S))[^\s:"'/]{1,128}:(?!//)([^\s"'\\]{1,512}))""",
        "curl -u jenkins:«11aa22bb33» https://ci",
        nearby_words=("curl", "wget", "http"),
    ),
    _rule(
        "short password option joined to its value",
        "MySQL's programs accept -pPASSWORD.",
        ("-p",),
        rf"""(?<![\w-])-p(?!["']?,){_ARGUMENT}""",
        "mysql -h db -p«S3cr3tPw» orders",
        nearby_words=("mysql", "mariadb", "sshpass"),
    ),
    _rule(
        "short password option",
        "docker login, az login and sshpass accept -p PASSWORD; redis-cli has -a, ldapsearch -w, psql -W.",
        ("-p", "-a", "-w"),
        rf"""(?<![\w-])-[paw]{_BETWEEN_OPTION_AND_VALUE}(?!-){_ARGUMENT}""",
        "docker login -u acme -p «dckrPassw0rd» registry",
        "redis-cli -h cache -a «r3disPw» ping",
        nearby_words=("login", "sshpass", "redis-cli", "ldapsearch", "ldapmodify", "psql"),
        must_look_random=True,
    ),
    _rule(
        "password of an Oracle login",
        "sqlplus and jdbc:oracle:thin accept user/password@database.",
        ("sqlplus", "sqlldr", "jdbc:oracle", "expdp", "impdp", "userid=", "connect "),
        r"""(?:sqlplus|sqlldr|expdp|impdp|userid=|connect|jdbc:oracle:\w{1,8}:)(?:\s{1,4}-\w{1,12}){0,4}\s{0,4}"?[\w.$#-]{1,64}/"""
        r"""([^\s"'@]{1,256})@""",
        "sqlplus scott/«tiger»@orcl",
        "jdbc:oracle:thin:scott/«tiger»@//db:1521/x",
    ),
    _rule(
        "password that is piped",
        "Some commands read the password from a pipe: echo PASSWORD | docker login --password-stdin",
        ("echo ",),
        rf"""echo\s{{1,4}}(?:-n\s{{1,4}})?{_ARGUMENT}["']?\s{{0,4}}\|[^\n|]{{1,200}}(?:stdin|passw|login|sudo -S)""",
        "echo «hunter2» | docker login --password-stdin",
    ),
    _rule(
        "password echoed by a command",
        "impala-shell runs the command in --ldap_password_cmd, and reads the password from the output.",
        ("password_cmd", "password-command"),
        r"""password[_-](?:cmd|command)=?\s{0,2}\\?["']?echo\s{1,4}(?:-n\s{1,4})?([^\s"']{1,256})""",
        '--ldap_password_cmd="echo -n «w1nter»"',
    ),
    _rule(
        "password argument of a command",
        "htpasswd, net use and smbclient accept the password as a separate argument.",
        ("htpasswd -b", "net use", "smbclient"),
        r"""(?:htpasswd\s-\w*b\w*\s\S{1,256}\s\S{1,128}\s|net use\s[^\n]{1,200}?/user:\S{1,128}\s"""
        r"""|smbclient\s[^\n]{1,200}?-U\s\S{1,128}?%)(\S{1,256})""",
        "htpasswd -b /etc/users etl «n3wPass»",
    ),
    _rule(
        "pass phrase of openssl",
        "openssl accepts pass:PHRASE.",
        ("pass:",),
        r"""(?<=\s)pass:([^\s"']{4,256})""",
        "openssl enc -pass pass:«MyK3yPhrase»",
        nearby_words=("openssl",),
    ),
    _rule(
        "password of a database user",
        "SQL contains passwords in CREATE USER … WITH PASSWORD '…' and IDENTIFIED BY …",
        ("identified by", "with password", "encrypted password", "identified with", " secret '"),
        r"""(?:identified (?:with \w{1,40} )?by|(?:with|encrypted) password|\ssecret)\s{1,4}(?:password\s{1,4})?"""
        r"""\\?["']?([^\s"';\\]{1,256})""",
        "ALTER USER etl IDENTIFIED BY '«hunter2»'",
    ),
    _rule(
        "login written as user/password",
        "Error messages write a login as user/password: bad credentials etl/hunter2",
        ("credential", "zugangsdaten", "login "),
        r"""(?:credentials?|zugangsdaten|login)[\s:=]{1,3}[\w.@-]{1,64}\s?/\s?([^\s"',;]{3,256})""",
        "bad credentials etl/«hunter2»",
        must_look_random=True,
    ),
)  # fmt: skip

KEY_BLOCK_RULES = (
    _rule(
        "PEM private key",
        "The key extends to the end of the block, or to the end of the text if the block is cut off.",
        ("-----begin ",),
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----([\s\S]*?)(?=-----END [A-Z0-9 ]{0,40}PRIVATE KEY|\Z)",
        "-----BEGIN RSA PRIVATE KEY-----{newline}«{base64:64}»{newline}-----END RSA PRIVATE KEY-----",
    ),
    _rule(
        "PuTTY private key",
        "The key is in the lines after Private-Lines.",
        ("private-lines:",),
        r"private-lines:\s{0,2}\d{1,4}([\s\S]{1,8192})",
        "Private-Lines: 14{newline}«{base64:64}»",
    ),
)

CONTEXT_RULES = ADDRESS_RULES + HEADER_AND_LOGIN_RULES + COMMAND_RULES + KEY_BLOCK_RULES
