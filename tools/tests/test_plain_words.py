"""Test that documents, docstrings, comments, messages and names do not contain the words listed here.

To add a word, add a line to WORDS or NAMES with what to write instead. If a file needs the word, for a quotation or a
partner's field, add the file and the word to ALLOWED_WORDS_BY_FILE.
"""

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Each entry: a pattern of whole words, what to write instead, and why.
WORDS = [
    ("anew", "again", "dated"),
    ("whom", "who, which", "formal; usually the sign of a sentence that can be split"),
    ("mend(s|ed|ing)?", "fix, correct", "dated"),
    ("told(?! apart| to )", "reported, notified, configured", "code does not talk"),
    ("heard", "received", "code does not listen"),
    ("(knows|wants)", "has, accepts, needs", "code has no knowledge and no wishes"),
    ("takes? no", "has no, accepts no", "code does not take"),
    ("(to be|may be|can be) had", "available", "dated"),
    ("for ever", "forever, without end", "dated spelling"),
    ("so long ago", "that old", "inverted"),
    ("none that", "no ... that", "inverted"),
    ("(falls?|fell) silent", "is paused, stops reporting", "a metaphor"),
    ("shall", "must, will", "legal language"),
    ("(lest|hence|thence|whence|henceforth|thereof|therein)", "so that, therefore, of it", "dated"),
    ("nothing but", "only", "a negation to resolve"),
    ("ever (more|less|rarer|longer|shorter)", "more and more", "dated"),
    ("(whoever|whomever|whosoever)", "anyone who, the user who", "formal"),
    ("so that none", "so that no", "inverted"),
    ("of (its|their|one's|his) own accord", "by itself", "an idiom"),
    ("let alone", "and even less", "an idiom that is easily misread"),
    ("is none of", "is not part of", "inverted"),
    ("none is known", "unknown", "inverted"),
    ("(has|have) no use for", "does not use", "an idiom"),
    ("so many (hours|days|minutes|runs|pipelines)", "this many, the number", "unclear without a number"),
    ("(ours|theirs)", "CHM's, the partner's", "name the owner"),
    ("without (losing|doubling) or (losing|doubling)", "without losing or duplicating any", "ambiguous"),
    ("(goes|go|went) on (with|from|in|until|alone|where)", "continues", "two words for one"),
    ("said otherwise", "in other words", "an idiom that is easily misread"),
    ("were it|had it", "if it", "inverted"),
    ("otherwise than", "differently from, not ... as", "inverted"),
    ("leads? nowhere", "does not exist", "a metaphor"),
]
# Names of variables, parameters, functions and classes that say nothing about what they hold.
NAMES = {
    "said": "message, output, reason",
    "told": "message, reported, names of what is reported",
    "heard": "received",
    "ours": "own, chm, what it is",
    "calm": "small, quiet: what it looks like",
    "anew": "again",
    "who": "caller, user",
    "asked": "request, requested",
    "thing": "what it is",
    "luck": "random_share, probability",
}
# The words of WORDS and NAMES that a file may contain. "*" stands for all words.
ALLOWED_WORDS_BY_FILE: dict[str, set[str]] = {
    "tools/tests/test_plain_words.py": {"*"},
}

PROSE_SUFFIXES = {".md", ".html", ".txt"}
HASH_COMMENT_SUFFIXES = {".sh", ".yml", ".yaml", ".toml", ".conf", ".service", ".timer", ".socket", ".example"}


def _tracked_files() -> list[str]:
    git_output = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    # Recorded messages, generated code and synthetic data are not texts of this project.
    return [
        path
        for path in git_output.splitlines()
        if not re.search(r"^clients/|/recordings/|/migrations/|^data/|/static/|openapi-released|\.lock$", path)
        and (ROOT / path).is_file()
    ]


def _lines_of_python_text(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line number and the text of each line of a comment or string."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
        elif token.type in {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", -1)} and " " in token.string:
            for line_number, line in enumerate(token.string.splitlines(), token.start[0]):
                yield line_number, re.sub(r"\{[^{}]*\}", "", line)


def _lines_of_text(path: str, source: str) -> Iterator[tuple[int, str]]:
    suffix = Path(path).suffix
    if suffix == ".py":
        yield from _lines_of_python_text(source)
        return
    is_code = False
    for line_number, line in enumerate(source.splitlines(), 1):
        if suffix == ".md" and line.lstrip().startswith("```"):
            is_code = not is_code
        elif suffix in PROSE_SUFFIXES:
            if not is_code:
                yield line_number, re.sub(r"`[^`]*`", "", line)
        elif suffix == ".sql":
            yield line_number, line.partition("--")[2]
        elif suffix in HASH_COMMENT_SUFFIXES or path in {"Makefile", "docker/Dockerfile"}:
            yield line_number, line.partition("#")[2]


def _defined_names(source: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(source)):
        match node:
            case (
                ast.Name(id=name, ctx=ast.Store())
                | ast.arg(arg=name)
                | ast.FunctionDef(name=name)
                | ast.ClassDef(name=name)
            ):
                yield node.lineno, name.strip("_").lower()


def problems() -> Iterator[str]:
    """Yield a message for each word of WORDS in a text, and for each name of NAMES in code."""
    any_word = re.compile(r"\b(" + "|".join(word for word, _, _ in WORDS) + r")\b", re.IGNORECASE)
    word_patterns = [(re.compile(rf"\b({word})\b", re.IGNORECASE), replacement) for word, replacement, _ in WORDS]
    for path in _tracked_files():
        allowed_words = ALLOWED_WORDS_BY_FILE.get(path, set())
        if "*" in allowed_words:
            continue
        try:
            source = (ROOT / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if any_word.search(source):
            for line_number, text in _lines_of_text(path, source):
                for word, replacement in word_patterns:
                    if (match := word.search(text)) and match[0].lower() not in allowed_words:
                        yield f"{path}:{line_number}: {match[0]!r}: write {replacement}"
        if path.endswith(".py"):
            for line_number, identifier in _defined_names(source):
                if identifier in NAMES and identifier not in allowed_words:
                    yield f"{path}:{line_number}: the name {identifier!r}: {NAMES[identifier]}"


def test_texts_and_names_avoid_the_listed_words() -> None:
    lines = list(problems())

    assert not lines, "\n".join(["", *lines])


def test_no_two_classes_share_a_name() -> None:
    files_by_class: dict[str, list[str]] = {}
    for name in _tracked_files():
        # Tests and migrations have their own classes; Django looks for commands by the name Command.
        if name.endswith(".py") and not re.search(
            r"/tests/|management/commands/|^tools/e2e/.*/(flows|jobs|dags)", name
        ):
            for node in ast.parse((ROOT / name).read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    files_by_class.setdefault(node.name, []).append(name)

    assert {name: files for name, files in files_by_class.items() if len(files) > 1} == {}


@pytest.mark.parametrize(
    ("name", "source", "expected"),
    [
        ("a.py", '"""Write it anew."""\nanew = 1  # anew\n', [1, 2]),
        ("a.md", "anew\n```\nanew\n```\n`anew`\n", [1]),
        ("a.sql", "SELECT anew -- anew\n", [1]),
    ],
    ids=["python", "markdown", "sql"],
)
def test_only_texts_and_no_code_are_searched_for_words(name: str, source: str, expected: list[int]) -> None:
    assert [line_number for line_number, text in _lines_of_text(name, source) if "anew" in text] == expected
