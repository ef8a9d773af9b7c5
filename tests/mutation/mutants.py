"""Finds what can be broken in a C++ file as clang-format leaves it, and writes the file with breaks in it that are off
until one of them is switched on.

A break is put into the text once and chosen when the program runs: `a < b` becomes `(on(7) ? (a <= b) : (a < b))`. So
all of them are compiled at once, and each costs no more than the tests that reach it."""

import bisect
import dataclasses
import re

# Longest first. `<` and `>` without blanks around them are brackets of templates and are taken one by one.
PUNCTUATORS = ["...", "<=>", "->*", "<<=", ">>=", "->", "::", "++", "--", "<=", ">=", "==", "!=", "&&", "||", "+=", "-=",
               "*=", "/=", "%=", "&=", "|=", "^=", "<<", ">>", ".*"]
TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
      | (?P<raw>\b(?:u8|[uUL])?R"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)")
      | (?P<string>(?:\b(?:u8|[uUL]))?"(?:\\.|[^"\\\n])*")
      | (?P<char>(?:\b(?:u8|[uUL]))?'(?:\\.|[^'\\\n])*')
      | (?P<number>\b\.?[0-9](?:'?[0-9a-zA-Z_.])*)
      | (?P<name>[A-Za-z_]\w*)
      | (?P<space>\s+)
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
PRECEDENCE = {"*": 13, "/": 13, "%": 13, "+": 12, "-": 12, "<<": 11, ">>": 11, "<": 9, ">": 9, "<=": 9, ">=": 9, "==": 8,
              "!=": 8, "&": 7, "^": 6, "|": 5, "&&": 4, "||": 3, "?": 2, ":": 2, ",": 1}
ASSIGNMENTS = {"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="}
for sign in ASSIGNMENTS:
    PRECEDENCE[sign] = 2
REPLACED = {"<": ("<=", ">="), "<=": ("<", ">"), ">": (">=", "<="), ">=": (">", "<"), "==": ("!=",), "!=": ("==",),
            "&&": ("||",), "||": ("&&",), "+": ("-",), "-": ("+",), "*": ("/",), "/": ("*",), "%": ("*",)}
FAMILY = {"<": "relational", "<=": "relational", ">": "relational", ">=": "relational", "==": "relational",
          "!=": "relational", "&&": "logical", "||": "logical"}
KEYWORDS = {"if", "else", "for", "while", "do", "switch", "case", "default", "return", "co_return", "co_yield", "throw", "using",
            "template", "typename", "class", "struct", "union", "enum", "namespace", "static_assert", "break", "continue",
            "goto", "try", "catch", "public", "private", "protected", "friend", "static", "const", "constexpr", "inline",
            "auto", "operator", "new", "delete", "requires", "concept", "typedef", "explicit", "virtual", "extern"}
ENDS_OPERAND = {"return", "co_return", "co_yield", "throw", "case", "else", "do"}


@dataclasses.dataclass
class Token:
    kind: str
    text: str
    start: int
    end: int
    before: bool = False  # a blank stands before it
    after: bool = False
    mate: int = -1  # its other bracket
    angle: bool = False  # a bracket of a template


@dataclasses.dataclass
class Mutant:
    path: str
    line: int
    family: str
    start: int
    end: int
    broken: list  # what stands there when it is on: texts, and (start, end) of the file
    whole: list  # both: the same, with None where `on(number)` goes
    constant: tuple = ()  # a `constexpr` that has to be a `const`, so that the value is made when the program runs
    number: int = 0
    original: str = ""
    changed: str = ""
    source: str = ""  # its line


def tokens_of(text):
    tokens, position = [], 0
    fresh = True  # only blanks so far on this line
    while position < len(text):
        if fresh and (found := re.compile(r"[ \t]*#(?:[^\n\\]|\\.|\\\n)*").match(text, position)):
            position = found.end()
            continue
        found = TOKEN.match(text, position)
        kind = found.lastgroup if found.lastgroup != "mark" else "raw"
        value, end = found.group(), found.end()
        if kind == "space":
            fresh = "\n" in value
            position = end
            continue
        fresh = False
        if kind == "comment":
            position = end
            continue
        if kind == "other":
            for sign in PUNCTUATORS:
                if text.startswith(sign, position):
                    loose = position > 0 and text[position - 1].isspace()
                    if sign in ("<<", ">>", ">=", ">>=") and not loose:
                        continue
                    value, end = sign, position + len(sign)
                    break
        tokens.append(Token("string" if kind == "raw" else kind, value, position, end,
                            position > 0 and text[position - 1].isspace(), end < len(text) and text[end].isspace()))
        position = end
    stack = []
    for index, token in enumerate(tokens):
        if token.kind != "other":
            continue
        if token.text == "<" and (not token.before or tokens[index - 1].text == "template"):
            stack.append(index)
        elif token.text in "([{":
            stack.append(index)
        elif token.text == ">" and not token.before and stack and tokens[stack[-1]].text == "<":
            token.mate = stack.pop()
            tokens[token.mate].mate = index
            token.angle = tokens[token.mate].angle = True
        elif token.text in ")]}":
            while stack and tokens[stack[-1]].text == "<":
                stack.pop()
            if stack:
                token.mate = stack.pop()
                tokens[token.mate].mate = index
    return tokens


class File:
    def __init__(self, path, text):
        self.path, self.text = path, text
        self.tokens = tokens_of(text)
        self.starts = [0] + [found.end() for found in re.finditer("\n", text)]
        self.scopes = self.find_scopes()
        self.left_out = self.find_left_out()
        self.constants = self.find_constants()

    def line(self, position):
        return bisect.bisect_right(self.starts, position)

    def head(self, index):
        """The tokens before a `{`, back to the end of what came before."""
        first = index
        while first > 0:
            before = self.tokens[first - 1]
            if before.text in (";", "{", "}") and before.kind == "other" and not before.angle:
                break
            first = before.mate if before.mate >= 0 and before.text in (")", "]") else first - 1
        return [token.text for token in self.tokens[first:index] if token.kind in ("name", "other")]

    def find_scopes(self):
        """For each token: namespace, class, enum or code."""
        scopes, stack = [], ["namespace"]
        for index, token in enumerate(self.tokens):
            if token.text == "}" and token.kind == "other" and len(stack) > 1:
                stack.pop()
            scopes.append(stack[-1])
            if token.text == "{" and token.kind == "other":
                head = self.head(index)
                kind = "code"
                if "namespace" in head and "(" not in head:
                    kind = "namespace"
                elif "enum" in head and "(" not in head:
                    kind = "enum"
                elif {"class", "struct", "union"} & set(head) and "(" not in head and "=" not in head:
                    kind = "class"
                stack.append(kind)
        return scopes

    def find_left_out(self):
        """What the compiler decides, not the program: types, constraints, labels of cases, sizes."""
        out = [False] * len(self.tokens)

        def mark(first, last):
            for index in range(first, min(last + 1, len(out))):
                out[index] = True

        for index, token in enumerate(self.tokens):
            following = self.tokens[index + 1] if index + 1 < len(self.tokens) else token
            if token.angle and token.text == "<":
                mark(index, token.mate)
            if token.kind != "name":
                continue
            if token.text in ("static_assert", "noexcept", "sizeof", "alignas", "decltype") and following.mate > 0:
                mark(index, following.mate)
            if token.text == "constexpr" and following.text == "(":
                mark(index, following.mate)
            if token.text in ("concept", "requires", "using", "friend"):
                last = index
                while last < len(out) and self.tokens[last].text not in (";", "{"):
                    last = self.tokens[last].mate if self.tokens[last].mate > last else last
                    last += 1
                mark(index, last)
            if token.text == "case":
                last = index
                while self.tokens[last].text != ":":
                    last += 1
                mark(index, last)
            if token.text == "operator":
                mark(index, index + 1)
        for index, scope in enumerate(self.scopes):
            if scope == "enum":
                out[index] = True
        return out

    def find_constants(self):
        """The `constexpr` variables: (first token, last token, start and end of the word, what to write instead)."""
        found = []
        for index, token in enumerate(self.tokens):
            if token.text != "constexpr" or token.kind != "name":
                continue
            at = index + 1
            while at < len(self.tokens) and self.tokens[at].text not in ("(", "=", "{", ";"):
                at = self.tokens[at].mate + 1 if self.tokens[at].mate > at else at + 1
            if at >= len(self.tokens) or self.tokens[at].text not in ("=", "{"):
                continue
            if "operator" in [one.text for one in self.tokens[index:at]]:
                continue
            last = at
            while last < len(self.tokens) and self.tokens[last].text != ";":
                last = self.tokens[last].mate + 1 if self.tokens[last].mate > last else last + 1
            word = "inline const" if self.scopes[index] == "class" else "const"
            found.append((at, last, token.start, token.end, word))
        return found

    def constant_at(self, index):
        for first, last, start, end, word in self.constants:
            if first <= index <= last:
                return (start, end, word)
        return ()

    # Where the operands of the operator at `index` begin and end, as tokens.
    def left_of(self, index, level):
        first = index
        while first > 0:
            token, following = self.tokens[first - 1], self.tokens[first]
            if token.kind == "name" and token.text in ENDS_OPERAND:
                break
            if token.kind == "other":
                if token.text in ("(", "[", "{", ";") or (token.text == "<" and token.angle):
                    break
                if token.text in (")", "}") and first != index and following.kind != "other":
                    break
                if not token.angle and token.before and token.after and PRECEDENCE.get(token.text, 99) < level:
                    break
                if token.text in (",", ":", "?"):
                    break
            if token.mate >= 0 and token.mate < first - 1:
                first = token.mate
            else:
                first -= 1
        return first

    def right_of(self, index, level):
        last = index
        while last + 1 < len(self.tokens):
            token = self.tokens[last + 1]
            if token.kind == "other":
                if token.text in (")", "]", "}", ";", ",", ":", "?") or (token.text == ">" and token.angle):
                    break
                if not token.angle and token.before and token.after and PRECEDENCE.get(token.text, 99) <= level:
                    break
                if token.mate > last + 1:
                    last = token.mate
                    continue
            last += 1
        return last

    def span(self, first, last):
        return (self.tokens[first].start, self.tokens[last].end)

    def statement_start(self, index):
        """Whether a statement can begin at this token."""
        before = self.tokens[index - 1]
        if self.scopes[index] != "code" or index == 0:
            return False
        if before.text in (";", "}") and before.kind == "other":
            return True
        if before.text == "{" and before.kind == "other":
            # Not the first value of an initialiser: a block ends with a statement.
            return self.tokens[before.mate - 1].text in (";", "}") if before.mate > 0 else False
        if before.text == "else":
            return True
        if before.text == ")" and before.mate > 0:
            return self.tokens[before.mate - 1].text in ("if", "for", "while")
        return before.text == ":" and self.tokens[index - 2].text == "default"

    def chain_end(self, index):
        """The last token of a name with its members, calls and subscripts."""
        last, wants_name = index, True
        while last < len(self.tokens):
            token = self.tokens[last]
            if wants_name:
                if token.kind != "name" or token.text in KEYWORDS:
                    return -1
                wants_name = False
            elif token.text in (".", "->", "::") and token.kind == "other":
                wants_name = True
            elif token.text in ("(", "[") or (token.text == "<" and token.angle):
                last = token.mate
            else:
                return last - 1
            last += 1
        return -1

    def mutants(self):
        found = []
        add = lambda index, family, span, broken, whole: found.append(
            Mutant(self.path, self.line(self.tokens[index].start), family, span[0], span[1], broken, whole,
                   self.constant_at(index)))
        for index, token in enumerate(self.tokens):
            if self.left_out[index]:
                continue
            if token.kind == "other" and token.text in REPLACED and token.before and token.after and self.scopes[index] != "namespace":
                first = self.left_of(index, PRECEDENCE[token.text])
                last = self.right_of(index, PRECEDENCE[token.text])
                if first >= index or last <= index:
                    continue
                if token.text == "+" and any(one.kind == "string" for one in self.tokens[first:last + 1]):
                    continue
                left, right = self.span(first, index - 1), self.span(index + 1, last)
                whole = self.span(first, last)
                for sign in REPLACED[token.text]:
                    family = FAMILY.get(token.text, "arithmetic")
                    broken = [left, f" {sign} ", right]
                    chosen = (["static_cast<bool>(", left, f") {sign} static_cast<bool>(", right, ")"]
                              if family == "logical" else broken)
                    add(index, family, whole, broken, ["(", None, " ? (", *chosen, ") : (", whole, "))"])
            elif token.kind == "other" and token.text in ("++", "--") and not token.after and self.scopes[index] == "code":
                last = self.chain_end(index + 1)
                if last > 0:
                    operand = self.span(index + 1, last)
                    sign = "--" if token.text == "++" else "++"
                    add(index, "arithmetic", self.span(index, last), [sign, operand],
                        ["(", None, f" ? {sign}", operand, f" : {token.text}", operand, ")"])
            elif token.kind == "other" and token.text == "!" and self.scopes[index] == "code":
                at = index + 1
                if self.tokens[at].text in ("*", "co_await"):
                    at += 1
                last = self.tokens[at].mate if self.tokens[at].text == "(" else self.chain_end(at)
                if last > 0:
                    operand, whole = self.span(index + 1, last), self.span(index, last)
                    add(index, "logical", whole, [operand], ["(", None, " != static_cast<bool>(", whole, "))"])
            elif token.kind == "name" and token.text == "if" and self.tokens[index + 1].text == "(":
                close = self.tokens[index + 1].mate
                first = index + 2
                depth = [at for at in range(first, close) if self.tokens[at].text == ";" and self.depth_from(index + 1, at)]
                if depth:
                    first = depth[-1] + 1
                if any(self.tokens[at].text == "=" and self.depth_from(index + 1, at) for at in range(first, close)):
                    continue
                whole = self.span(first, close - 1)
                add(first, "condition", whole, ["!(", whole, ")"], ["(", None, " != static_cast<bool>(", whole, "))"])
                for value in ("true", "false"):
                    text = (["(", None, " || static_cast<bool>(", whole, "))"] if value == "true"
                            else ["(!", None, " && static_cast<bool>(", whole, "))"])
                    add(first, "condition", whole, [value], text)
            elif token.kind == "name" and token.text in ("true", "false"):
                other = "false" if token.text == "true" else "true"
                add(index, "constant", self.span(index, index), [other], ["(", None, f" ? {other} : {token.text})"])
            elif token.kind == "number" and self.tokens[index - 1].text != "case":
                if re.fullmatch(r"(?:0[xX][0-9a-fA-F']+|[0-9][0-9']*|[0-9']*\.[0-9]+)[uUlLzZ]*", token.text):
                    if self.tokens[index - 1].text == "[" and (self.tokens[index - 3].kind == "name" or self.tokens[index - 3].angle):
                        continue  # the size of an array
                    if token.text == "0" and self.tokens[index + 1].text == ";" and self.tokens[index - 2].text in (")", "const"):
                        continue  # a pure virtual function
                    add(index, "constant", self.span(index, index), [f"({token.text} + 1)"],
                        ["(", None, f" ? {token.text} + 1 : {token.text})"])
                    if token.text == "1":
                        add(index, "constant", self.span(index, index), ["0"], ["(", None, " ? 0 : 1)"])
            elif token.kind == "name" and token.text in ("min", "max") and self.tokens[index - 1].text == "::":
                first = index - 2
                last = self.chain_end(first)
                if self.tokens[first].text != "std" or last < 0 or self.tokens[last].text != ")":
                    continue
                rest, whole = (token.end, self.tokens[last].end), self.span(first, last)
                other = "std::max" if token.text == "min" else "std::min"
                add(index, "argument", whole, [other, rest], ["(", None, f" ? {other}", rest, " : ", whole, ")"])
            if token.kind in ("name", "other") and self.statement_start(index):
                self.add_statement(index, add)
        return found

    def depth_from(self, opening, at):
        """Whether nothing but the bracket at `opening` is open at `at`."""
        one = opening + 1
        while one < at:
            one = self.tokens[one].mate + 1 if self.tokens[one].mate > one else one + 1
        return one == at

    def add_statement(self, index, add):
        token = self.tokens[index]
        if token.text in ("return", "co_return"):
            before = self.tokens[index - 1]
            if before.text != ")":
                return  # what comes last has to come
            family, last = "return", index
        else:
            at = index
            while self.tokens[at].text in ("*", "++", "--", "co_await"):
                at += 1
            last = self.chain_end(at)
            if last < 0:
                return
            following = self.tokens[last + 1]
            if following.text == ";" and (self.tokens[last].text == ")" or at > index):
                family = "statement"
            elif following.text in ASSIGNMENTS and following.kind == "other":
                family = "statement"
            else:
                return
        while last < len(self.tokens) and self.tokens[last].text != ";":
            last = self.tokens[last].mate if self.tokens[last].mate > last else last
            last += 1
        if last >= len(self.tokens):
            return
        whole = self.span(index, last)
        add(index, family, whole, ["{}"], ["{ if (!", None, ") { ", whole, " } }"])
        chain = self.chain_end(index)
        if chain > 0 and self.tokens[chain + 1].text in ("+=", "-=") and not any(
                one.kind == "string" for one in self.tokens[chain:last]):
            left, right = self.span(index, chain), (self.tokens[chain + 2].start, self.tokens[last].end)
            sign = "-=" if self.tokens[chain + 1].text == "+=" else "+="
            add(index, "arithmetic", whole, [left, f" {sign} ", right],
                ["{ if (", None, ") { ", left, f" {sign} ", right, " } else { ", whole, " } }"])


def flat(text):
    """On one line and without comments, so that the lines of the file stay where they are."""
    kept = []
    for found in TOKEN.finditer(text):
        if found.lastgroup == "comment":
            continue
        kept.append(" " if found.lastgroup == "space" and "\n" in found.group() else found.group())
    return "".join(kept)


def broken_text(text, mutant):
    """What stands there once the mutant is on, for a reader."""
    return "".join(part if isinstance(part, str) else text[part[0]:part[1]] for part in mutant.broken)


def render(text, mutants):
    """The file with all of them in it, and those that could not be: they overlap others."""
    ordered = sorted(mutants, key=lambda mutant: (mutant.start, -mutant.end, mutant.number))
    refused, kept = [], []
    for mutant in ordered:
        if any(other.start < mutant.start < other.end < mutant.end for other in kept):
            refused.append(mutant)
        else:
            kept.append(mutant)

    def write(start, end, inside):
        out, position = [], start
        rest = list(inside)
        while rest:
            mutant = rest.pop(0)
            within = [one for one in rest if one.start < mutant.end]
            rest = [one for one in rest if one.start >= mutant.end]
            out.append(text[position:mutant.start])
            spans = [part for part in mutant.whole if isinstance(part, tuple)]
            seen = 0
            for part in mutant.whole:
                if part is None:
                    # A constant made by the compiler would never be broken, so its value must not be one for the compiler.
                    ask = "decide" if mutant.constant else "on"
                    out.append(f"::blueprint_mutation::{ask}({mutant.number})")
                elif isinstance(part, str):
                    out.append(part)
                else:
                    seen += 1
                    piece = write(part[0], part[1], [one for one in within if part[0] <= one.start and one.end <= part[1]])
                    out.append(piece if seen == len(spans) and part == (mutant.start, mutant.end) else flat(piece))
            if not spans or spans[-1] != (mutant.start, mutant.end):
                out.append("\n" * text.count("\n", mutant.start, mutant.end))
            position = mutant.end
        out.append(text[position:end])
        return "".join(out)

    pieces, position = [], 0
    words = sorted({mutant.constant for mutant in kept if mutant.constant})
    for start, end, word in words:
        pieces.append(write(position, start, [one for one in kept if position <= one.start and one.end <= start]))
        pieces.append(word)
        position = end
    pieces.append(write(position, len(text), [one for one in kept if position <= one.start]))
    return "".join(pieces), refused
