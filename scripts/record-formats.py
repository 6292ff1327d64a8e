"""Records what real DVC 3.67.1 makes of many texts and values, for the unit tests of packages/core/src/formats.

Run it with the Python of an environment that holds DVC:  python scripts/record-formats.py tests/fixtures/formats [COUNT] [SEED]
Writes one JSON document per line. Numbers stand as {"$i": "1"} and {"$f": "1.0"}, mappings as {"$m": [[key, value], ...]}.
"""

import contextlib
import copy
import io
import json
import os
import random
import sys
import tempfile
import warnings

os.environ["COLUMNS"] = "80"
warnings.simplefilter("ignore")

import dvc.schema
from configobj import ConfigObj, ConfigObjError
from dvc.config import Config, ConfigError, _lower_keys, _pack_named, _parse_named
from dvc.ignore import DvcIgnorePatterns, PatternInfo
from dvc.ui import ui
from dvc.utils import strictyaml
from dvc.utils.collections import apply_diff
from dvc.utils.serialize import dumps_yaml
from dvc.utils.serialize._yaml import parse_yaml, parse_yaml_for_update

target = sys.argv[1]
count = int(sys.argv[2]) if len(sys.argv) > 2 else 300
R = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)


def encode(value):
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return {"$i": str(value)}
    if isinstance(value, float):
        return {"$f": repr(value)}
    if isinstance(value, dict):
        return {"$m": [[encode(key), encode(one)] for key, one in value.items()]}
    if isinstance(value, (list, tuple)):
        return [encode(one) for one in value]
    return {"$d": str(value)}


def record(name, cases):
    with open(os.path.join(target, name + ".jsonl"), "w", encoding="utf-8") as file:
        for case in cases:
            file.write(json.dumps(case) + "\n")


WORDS = """a|train.py|--lr|0.1|data/raw|x: y|b:|#c| #|- d|-|?|? e|:|*f|&g|!h|%i|@j|`k|[l|]|{m|}|>o|'p|q'r|"s"|yes|no|on|true|True|null|~|1|1.0
1e5|010|0x1f|0o7|1_000|2020-01-01|.inf|-.inf|.nan|=|<<|1:30|...|---|--- a|é|日本|😀|a,b|a, b|\\|/|+1|-1|_|0|-0|1.|e1|.5|+.5e3|0b1""".replace("\n", "|").split("|")
WORDS += ["|n", "\n", "\t", "\x07", "\u2028", "\x85", "\xa0", "\ufeff", "  ", "   ", "", "word" * 30, "x" * 79, "\r", "a\nb", "a\n\nb"]
FLOATS = [0.1, 1.0, 1e-5, 1e20, 1e16, 1e15, 123456.789, float("inf"), float("-inf"), -0.0, 1e22, 5e-324, 0.0001]


def text():
    kind = R.random()
    if kind < 0.3:
        return R.choice(WORDS)
    if kind < 0.8:
        return " ".join(R.choice(WORDS) for _ in range(R.randint(1, 25)))
    return "".join(R.choice(WORDS) for _ in range(R.randint(1, 8)))


def value(depth=0):
    kind = R.random()
    if depth == 0 or (depth < 4 and kind < 0.25):
        keys = ["a", "b", "c", "cmd", "x y", "1", "true", "", "é", "k:", "q: r", "-", "a" * 122, "a" * 123, "md5", text()]
        return {R.choice(keys): value(depth + 1) for _ in range(R.randint(0, 4))}
    if depth < 4 and kind < 0.45:
        return [value(depth + 1) for _ in range(R.randint(0, 4))]
    kind = R.random()
    if kind < 0.6:
        return text()
    if kind < 0.7:
        return R.randint(-(10 ** R.randint(0, 18)), 10 ** R.randint(0, 18))
    return R.choice(FLOATS) if kind < 0.85 else R.choice([None, True, False])


def dumps():
    for _ in range(count):
        one = value()
        written = dumps_yaml(one)
        try:
            back = encode(parse_yaml(written, "x"))
        except Exception:  # not all that DVC writes can it read
            continue
        yield {"value": encode(one), "text": written, "back": back}


SIMPLE = ["abc", "x y", "12", "yes", "null", "data/raw.csv", "a: b", "it's", "long " * 25, "two\nlines\n", 5, 1.5, True, None, 1.0, "é"]


def tree(depth=0):
    kind = R.random()
    if depth == 0 or (depth < 4 and kind < 0.3):
        keys = ["outs", "deps", "md5", "path", "meta", "desc", "size", "a", "b", "k l"]
        return {R.choice(keys): tree(depth + 1) for _ in range(R.randint(1, 5))}
    if depth < 4 and kind < 0.5:
        return [tree(depth + 1) for _ in range(R.randint(0 if depth > 1 else 1, 3))]
    return R.choice(SIMPLE)


def by_hand(one, indent=0):
    """Writes YAML as people do: any indentation, quotes, flow collections."""
    pad = " " * indent
    lines = ""
    if isinstance(one, dict):
        step = R.choice([2, 2, 2, 4])
        for key, inner in one.items():
            name = key if R.random() < 0.9 else json.dumps(key)
            if isinstance(inner, (dict, list)) and inner and R.random() > 0.12:
                lines += pad + name + ":\n" + by_hand(inner, indent + (step if isinstance(inner, dict) else R.choice([0, 0, 2, 4])))
            else:
                lines += pad + name + ": " + scalar(inner, indent + 2) + "\n"
        return lines
    for inner in one:
        if isinstance(inner, (dict, list)) and inner:
            lines += pad + "- " + by_hand(inner, indent + 2)[indent + 2 :]
        else:
            lines += pad + "- " + scalar(inner, indent + 2) + "\n"
    return lines


def flow(one):
    if isinstance(one, dict):
        return "{" + ", ".join(key + ": " + flow(inner) for key, inner in one.items()) + "}"
    if isinstance(one, list):
        return "[" + ", ".join(map(flow, one)) + "]"
    return json.dumps(one, ensure_ascii=False) if isinstance(one, str) else (scalar(one, 0) or "null")


def scalar(one, indent):
    if isinstance(one, (dict, list)):
        return flow(one)
    if isinstance(one, str):
        if "\n" in one:
            body = "".join(" " * indent + line + "\n" for line in one.rstrip("\n").split("\n"))
            return R.choice([json.dumps(one), "|\n" + body[:-1], ">\n" + body[:-1]])
        return R.choice([json.dumps(one, ensure_ascii=False), "'" + one.replace("'", "''") + "'", one.strip() if ":" not in one else json.dumps(one)])
    if one is None:
        return R.choice(["null", "~", ""])
    if one is True:
        return R.choice(["true", "True"])
    return R.choice([repr(one), "%.2f" % one]) if isinstance(one, float) else R.choice(["5", "5", "0x1F", "0o17", "1_000", "+7"])


def decorate(written):
    lines = []
    for line in written.split("\n"):
        kind = R.random()
        if line and kind < 0.12:
            lines.append(" " * R.randint(0, 6) + "# full " + R.choice(["x", "é", "a: b"]))
        elif line and kind < 0.16:
            lines.append("")
        elif line and kind < 0.18:
            lines += ["", "# c1", "", "  # c2"]
        if line and R.random() < 0.15:
            line += " " * R.randint(1, 8) + "# eol" + R.choice(["", " more: x"])
        lines.append(line)
    return "\n".join(lines)


def mutate(one):
    if isinstance(one, dict):
        changed = {key: mutate(inner) for key, inner in one.items() if R.random() > 0.07}
        if R.random() < 0.15:
            changed["new%d" % R.randint(0, 9)] = tree(3)
        return changed
    if isinstance(one, list):
        kind = R.random()
        return one + [tree(3)] if kind < 0.1 else one[1:] if kind < 0.15 else [mutate(inner) for inner in one]
    return R.choice(SIMPLE) if R.random() < 0.15 else one


def updates():
    made = 0
    while made < count:
        written = decorate(by_hand(tree()))
        try:
            base = parse_yaml(written, "x")
            saved = parse_yaml_for_update(written, "x")
            wanted = mutate(copy.deepcopy(base))
            apply_diff(wanted, saved)
            result = dumps_yaml(saved)
        except Exception:  # DVC itself cannot
            continue
        made += 1
        yield {"previous": written, "value": encode(wanted), "text": result}


SCHEMAS = {"dvc": dvc.schema.COMPILED_SINGLE_STAGE_SCHEMA, "yaml": dvc.schema.COMPILED_MULTI_STAGE_SCHEMA, "lock": dvc.schema.COMPILED_LOCKFILE_SCHEMA}
BROKEN = json.load(open(os.path.join(target, "broken.json"), encoding="utf-8"))
PIECES = ["a", "b:", " ", "\n", "  ", "- ", "[", "]", "{", "}", ",", ": ", "'", '"', "#", "&x", "*x", "|\n", ">\n", "?", "? ", "\\", "\t", "---\n", "%", "@", "1", "é", "\n  ", "\n- "]


def message(kind, written):
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    with open("f", "w", encoding="utf-8") as file:
        file.write(written)
    shown = io.StringIO()
    try:
        strictyaml.load(os.path.join(folder, "f"), SCHEMAS[kind])
        return ""
    except Exception as error:
        with contextlib.redirect_stderr(shown):
            ui.__dict__.pop("error_console", None)
            error.__pretty_exc__()
        return shown.getvalue().removesuffix("\n")


def errors():
    cases = [(kind, one) for kind, texts in BROKEN.items() for one in texts]
    cases += [("dvc", "".join(R.choice(PIECES) for _ in range(R.randint(2, 12)))) for _ in range(count // 2)]
    for kind, written in cases:
        with contextlib.suppress(Exception):  # errors that DVC fails to show
            yield {"kind": kind, "text": written, "message": message(kind, written)}


VALUES = ["true", "x", "s3://b/p", "a,b", "a, b,", '"a,b"', "'a'", '"it\'s"', "x # c", "x#c", "'x # y'", "", "  y  ", '""', "'''m'''", '"""a\nb"""', '"open', "'x' y", ",", "a,,b", ",a", "~/x", '"a", \'b\', c', "a=b", '"a"b"', "[x]", "a\"b"]
LINES = ["[core]", "[cache]", "['remote \"r\"']", '[remote "r2"]', "['remote \"R\"'] # c", "# comment", "", "[[sub]]", "[core]]", "[ exp ]", "junk", "[", "[]", "= x"]


def configs():
    for _ in range(count):
        lines = []
        for _ in range(R.randint(1, 7)):
            key = R.choice(["", "    ", "\t"]) + R.choice(["URL", "type", "dir", "'q k'", "a b"]) + R.choice([" = ", "=", "  =  "])
            lines.append(R.choice(LINES) if R.random() < 0.35 else key + R.choice(VALUES))
        written = "\n".join(lines)
        try:
            parsed = _parse_named(_lower_keys(ConfigObj(io.StringIO(written)).dict()))
            yield {"text": written, "value": {key: one for key, one in parsed.items() if one or key not in ("remote", "machine", "db")}}
        except ConfigObjError as error:
            yield {"text": written, "error": "config file error: " + str(error)}


STORED = ["true", "a,b", "x#y", "it's", 'say "x"', "both ' and \"", "", " lead", "trail ", "a\nb", "'q'", '"q"', "x", " # ", ["a", "b"], ["a,b"], [], ["x"], "s3://x/y", 'a"""b', "="]


def written_configs():
    for _ in range(count // 2):
        sections = {"remote": {}, "machine": {}, "db": {}}
        for name in R.sample(["core", "cache", "exp"], R.randint(0, 3)):
            sections[name] = {R.choice(["a", "c d", "e#", "url"]): R.choice(STORED) for _ in range(R.randint(0, 3))}
        for kind in ("remote", "db", "machine"):
            for name in R.sample(["r", "x y", "a.b", "q'q"], R.randint(0, 2)):
                sections[kind][name] = {R.choice(["url", "a"]): R.choice(STORED) for _ in range(R.randint(0, 3))}
        stream = io.BytesIO()
        try:
            ConfigObj(_pack_named(sections)).write(stream)
            yield {"value": sections, "text": stream.getvalue().decode()}
        except ConfigObjError as error:
            yield {"value": sections, "error": str(error)}


OPTIONS = "url jobs checksum_jobs verify type shared region port timeout ssl_verify auth bogus no_scm analytics remote dir connect_timeout cache_regions replication config_dir config_module enabled bool list row_limit row_cleanup_quota username worktree site_cache_dir".split()
SETTINGS = ["true", "False", "yes", "1", "0", "-1", "1.5", "abc", "GROUP", "basic", "reflink,copy", ["hardlink", "copy"], ["bad", "copy"], "s3://b", "ssh://h/p", "gs://x", "foo://x/y", "/abs", "http://h", "webdav://h", "hdfs://h", "azure://c", "gdrive://x", "remote://a/b", "nargs", "101", ""]


def config_checks():
    for _ in range(count * 2):
        sections = {}
        for name in R.sample("core cache state index plots exp parsing hydra studio nope db remote".split(), R.randint(1, 3)):
            pick = lambda: {R.choice(OPTIONS): R.choice(SETTINGS) for _ in range(R.randint(0, 3))}
            sections[name] = {one: pick() for one in R.sample("ab", R.randint(1, 2))} if name in ("db", "remote") else pick()
            if name == "remote":
                for one in sections[name].values():
                    one.setdefault("url", R.choice([url for url in SETTINGS if isinstance(url, str) and "/" in url]))
        try:
            Config.validate(sections)
            yield {"value": sections, "error": ""}
        except ConfigError as error:
            yield {"value": sections, "error": str(error)}
        except Exception:  # a list for a URL
            continue


PATTERNS = "foo|/foo|foo/|*.txt|/*.txt|*|**|*/|**/|/**|/*|foo/*|foo/**|**/foo|a/**/b|a/b|/a/b/|a/*/b|[ab]|[!a]|[a-c]x|[]a]|[a|\\#x|\\!x|#c|!foo|!*.txt|!foo/|!a/b|a?b|f*o|*a*b*c*|**a|x/**/|**/x/**|foo bar|  foo|é*|a\\*b|[^a]b|!**/b|//|/|!|.hid|*.|**/*.txt|!/a/**/b|[a/b]|*/foo|**/**/c|*foo".split("|")
PARTS = "foo|a|b|c|x.txt|a.txt|x|foo bar|#x|!x|a*b|axb|é1|ab|[a|.hid|cx|]|fo|foobar|barfoo|b.|aabbcc".split("|")


def ignores():
    for _ in range(count * 2):
        written = "\n".join(R.choice(PATTERNS) for _ in range(R.randint(1, 5)))
        path = "/".join(R.choice(PARTS) for _ in range(R.randint(1, 4)))
        folder = R.random() < 0.5
        lines = [PatternInfo(line, str(number)) for number, line in enumerate(map(str.strip, written.split("\n")), 1) if line and not line.startswith("#")]
        with contextlib.suppress(Exception):  # patterns that DVC crashes on
            ignored, matches = DvcIgnorePatterns(lines, "/r", "/")._find_matching_pattern(path, folder)
            yield {"text": written, "path": path, "isDir": folder, "ignored": ignored, "matched": bool(matches)}


def jsons():
    for _ in range(count // 3):
        one = value()
        yield {"value": encode(one), "text": json.dumps(one), "sorted": json.dumps(one, sort_keys=True), "indented": json.dumps(one, indent=2)}


target = os.path.abspath(target)
for name, make in {"dump": dumps, "update": updates, "errors": errors, "config-read": configs, "config-write": written_configs, "config-check": config_checks, "ignore": ignores, "json": jsons}.items():
    record(name, make())
