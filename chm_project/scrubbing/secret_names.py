"""Names of variables, keys and options whose values are secrets, such as "password".

CHM looks for these names in texts and in the keys of payloads.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache


class PlainWords(StrEnum):
    """When an ordinary word (such as "tiger") after a secret name is treated as a secret."""

    NEVER = "never"
    # If quotes, markup, an option or an operator such as "=" show that the word is a value.
    IF_CERTAINLY_VALUE = "if certainly a value"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class SecretKind:
    """A kind of secret, and the names that announce it.

    phrases: the names, as words separated by spaces. "api key" also matches apiKey, API-KEY and apikey.
    examples: texts in which the words between « and » are secrets of this kind. Tests use them, with 24 random letters
        and digits in place of {alnum:24}.
    word_endings: names that also match at the end of a longer word, as in "smtppassword".
    number_can_be_secret: if it is false, a plain number after the name is not a secret but a count.
    plain_words: when an ordinary word after the name is treated as a secret.
    is_found_in_texts: if it is false, CHM looks for the names only in keys of payloads, and not in texts.
    """

    name: str
    reason: str
    phrases: tuple[str, ...]
    examples: tuple[str, ...]
    word_endings: tuple[str, ...] = ()
    number_can_be_secret: bool = False
    plain_words: PlainWords = PlainWords.NEVER
    is_found_in_texts: bool = True


def _split_phrases(text: str) -> tuple[str, ...]:
    return tuple(phrase.strip() for phrase in text.split(","))


SECRET_KINDS = (
    SecretKind(
        "password",
        "A password can be any word or number, so every value is hidden except states such as 'expired'.",
        _split_phrases(
            "password, passwords, passwd, pwd, passphrase, passphrases, userpass, dbpass, wachtwoord, passwort,"
            " passwörter, passwortes, kennwort, zugangskennwort, contraseña, contraseñas, contrasena, contrasenya,"
            " mot de passe, mots de passe, motdepasse, mdp, senha, lösenord, losenord, hasło, haslo, adgangskode,"
            " salasana, heslo, parola, jelszó, пароль, пароля, паролем, пароли, パスワード, 密码, 密碼, 口令, 비밀번호"
        ),
        ("password=«hunter2»", "Passwort: «geheim»", "mot de passe : «Soleil24»", "パスワード: «natsu»"),
        word_endings=("password", "passwd", "passwort", "kennwort", "passphrase", "パスワード", "密码", "пароль"),
        number_can_be_secret=True,
        plain_words=PlainWords.ALWAYS,
    ),
    SecretKind(
        "short password",
        "Short forms of password can have another meaning: 'pass: 12' is a number of tests.",
        _split_phrases("pass, pw, passw, psw, pword"),
        ("db_pass=«tiger»", "pw: «hunter2»"),
        plain_words=PlainWords.IF_CERTAINLY_VALUE,
    ),
    SecretKind(
        "code",
        "Codes that users type are usually plain numbers.",
        _split_phrases(
            "pin, pin code, passcode, pass code, otp, totp, one time password, one time code, mfa code, otp code,"
            " security code, verification code, recovery code, recovery codes, backup codes, security answer, cvv,"
            " 暗証番号, 認証コード, 验证码"
        ),
        ("otp=«492113»", "mfa_code: «128311»"),
        number_can_be_secret=True,
    ),
    SecretKind(
        "token",
        "These values give access. A plain number after such a name is a count, and an ordinary word is a state.",
        _split_phrases(
            "token, tokens, secret, secrets, jwt, bearer, credential, credentials, creds, zugangsdaten, identifiants,"
            " credenciales, clave, clé secrète, ключ, токен, секрет, トークン, 秘密鍵, 密钥, geheimnis, secreto"
        ),
        ("api_token=«{alnum:24}»", "client_secret: «{alnum:20}»", "invalid token '«{alnum:40}»'"),
        word_endings=("secret", "token", "credentials", "トークン"),
    ),
    SecretKind(
        "key",
        "Keys with a word that marks them as secret; 'key' without such a word is usually a column.",
        _split_phrases(
            "api key, api keys, app key, private key, secret key, access key, account key, shared key, encryption"
            " key, signing key, fernet key, ssh key, rsa key, pgp key, gpg key, tls key, ssl key, cert key,"
            " certificate key, license key, licence key, master key, deploy key, subscription key, storage key,"
            " integration key, service key, functions key, host key, hmac key, session key, decryption key,"
            " consumer key, ping key, service"
            " account json, service account key, keyfile dict, pem, keytab, key pem, p12, pfx, jks"
        ),
        ("FERNET_KEY=«{alnum:43}=»", "private_key: «{base64:60}»", "X-API-Key: «{hex:32}»"),
        word_endings=("apikey", "privatekey", "accesskey", "secretkey"),
    ),
    SecretKind(
        "authentication",
        "These values prove an identity. 'auth: failed' is only a state.",
        _split_phrases(
            "auth, sas, sig, signature, hmac, salt, session, session id, sessionid, jsessionid, phpsessid, sessid,"
            " session token, csrftoken, remember token, cookie, cookies, basic auth, userinfo"
        ),
        ("auth=«{alnum:24}»", "salt: «{hex:32}»", "session_id=«{alnum:32}»"),
        word_endings=("sessionid", "sessid", "csrftoken"),
    ),
    SecretKind(
        "authorization",
        "A key of payloads. In texts, the rule for the Authorization header applies, which keeps the scheme.",
        _split_phrases("authorization, proxy authorization"),
        (),
        is_found_in_texts=False,
    ),
    SecretKind(
        "connection",
        "These addresses usually contain a password.",
        _split_phrases(
            "connection string, connectionstring, conn str, connstr, conn string, connection uri, connection url,"
            " database uri, database url, db uri, db url, redis url, broker url, mongo uri, mongodb uri, amqp url,"
            " sqlalchemy conn, sql alchemy conn, dsn, webhook, webhook url, webhook uri, hook url, slack webhook,"
            " incoming webhook"
        ),
        ("SENTRY_DSN=«https://{hex:32}@sentry.example.test/3»",),
        word_endings=("connectionstring",),
    ),
)  # fmt: skip

# The value of a name that ends with one of these words is not a secret, but only describes one. Example: token_type.
_DESCRIBING_WORDS = frozenset(
    "type types name names count counts limit limits usage used expires expiry expiration expired expire ttl"
    " timeout length len size version versions policy policies enabled disabled required valid invalid missing"
    " status state method mode provider backend scope scopes path paths file filename files dir folder arn ref"
    " refs kind class at on date time age days seconds minutes hours error errors message manager management"
    " events event endpoint service services server server1 rotation refresh reset regex pattern hint label"
    " description format algorithm alg strategy source location region issuer audience position index column"
    " columns field fields rate per max min total number num changed created updated sql py js ts json yml yaml md"
    " html log flow config module handler middleware plugin store vault duration start started ended facts url hasher"
    " uri".split()
)  # fmt: skip
_CAMEL_CASE_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD_OR_NUMBER = re.compile(r"[^\W\d_]+|\d+")
_SEPARATORS = ("", "_", "-", " ", ".", "__")


def _index_kinds() -> tuple[dict[tuple[str, ...], SecretKind], dict[str, SecretKind]]:
    """Return two dictionaries: the kinds of secrets by the words of their names, and by endings of longer words."""
    kind_by_words = {tuple(phrase.split()): kind for kind in SECRET_KINDS for phrase in kind.phrases}
    kind_by_joined_words = {"".join(words): kind for words, kind in kind_by_words.items() if len(words) > 1}
    return kind_by_words | {(word,): kind for word, kind in kind_by_joined_words.items()}, {
        word: kind for kind in SECRET_KINDS for word in kind.word_endings
    }


_KIND_BY_WORDS, _KIND_BY_WORD_ENDING = _index_kinds()
_MAX_WORDS = max(map(len, _KIND_BY_WORDS))


def literals_in_names() -> frozenset[str]:
    """Return all forms of the secret names in lower case. A text without any of these forms contains no secret name."""
    return frozenset(separator.join(words) for words in _KIND_BY_WORDS for separator in _SEPARATORS) | frozenset(
        _KIND_BY_WORD_ENDING
    )


def words_of(name: str) -> tuple[str, ...]:
    """Return the words of a name in lower case: ("api", "key") for "apiKey", "API-KEY" and "api_key"."""
    return tuple(_WORD_OR_NUMBER.findall(" ".join(_CAMEL_CASE_BOUNDARY.split(name)).lower()))


# Cached, because the same keys occur in the payloads of all runs.
@lru_cache(maxsize=8192)
def kind_of_secret(name: str) -> SecretKind | None:
    """Return the kind of secret that a name announces, or None if its value is no secret."""
    words = words_of(name)
    for end in range(len(words), 0, -1):
        kind = _kind_of_name_ending_at(words, end)
        if kind is None:
            continue
        return None if end < len(words) and words[-1] in _DESCRIBING_WORDS else kind
    return None


def _kind_of_name_ending_at(words: tuple[str, ...], end: int) -> SecretKind | None:
    """Return the kind of the longest listed name that ends before words[end], or None."""
    for length in range(min(_MAX_WORDS, end), 0, -1):
        if kind := _KIND_BY_WORDS.get(words[end - length : end]):
            return kind
    return next((kind for word, kind in _KIND_BY_WORD_ENDING.items() if words[end - 1].endswith(word)), None)
