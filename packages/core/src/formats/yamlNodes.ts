import { pyStringRepr } from "./pyValues.ts";
import { YamlProblem, YamlScanner } from "./yamlScanner.ts";
import type { Comment, Mark, ScalarStyle, Token, TokenId } from "./yamlScanner.ts";

/** Comments of a node: `post` behind it on its line and below, `pre` above it, `carried` behind an empty value before it. */
export interface NodeComments {
  post?: Comment | undefined;
  pre?: Comment[] | undefined;
  carried?: Comment | undefined;
}

interface NodeBase {
  tag: string | undefined;
  anchor: string | undefined;
  readonly start: Mark;
  comments: NodeComments | undefined;
}

/** A scalar as written; `value` has folding and escapes resolved. */
export interface ScalarNode extends NodeBase {
  readonly kind: "scalar";
  value: string;
  style: ScalarStyle;
  /** The comment behind `|` or `>`. */
  header: string | undefined;
}

/** A sequence. */
export interface SequenceNode extends NodeBase {
  readonly kind: "sequence";
  items: YamlNode[];
  /** Undefined: flow only while it is empty. */
  flow: boolean | undefined;
  /** Comments before its end that belong to no item. */
  end: Comment[] | undefined;
}

/** One entry of a mapping. */
export interface Pair {
  key: YamlNode;
  value: YamlNode;
}

/** A mapping. */
export interface MappingNode extends NodeBase {
  readonly kind: "mapping";
  pairs: Pair[];
  flow: boolean | undefined;
  end: Comment[] | undefined;
}

/** `*name`. */
export interface AliasNode extends NodeBase {
  readonly kind: "alias";
  readonly name: string;
  readonly target: YamlNode;
}

export type YamlNode = ScalarNode | SequenceNode | MappingNode | AliasNode;

/** A document: its root (undefined when empty), and whether `---` stood before it. */
export interface YamlDocument {
  readonly root: YamlNode | undefined;
  readonly explicitStart: boolean;
  /** Comments of a document without a root. */
  readonly comments: Comment[];
}

/** Keys, values and collections of a document: a node takes some 500 bytes until it is a value. */
const MAX_NODES = 300_000;
/** How deep collections may nest. */
const MAX_DEPTH = 500;

/**
 * Builds the node tree of a text that holds one document. Comments are attached to nodes only when `keepComments`.
 * @throws {YamlProblem}
 */
export function parseNodes(text: string, keepComments: boolean): YamlDocument {
  return new NodeParser(text, keepComments).document();
}

class NodeParser {
  readonly #scanner: YamlScanner;
  readonly #keepComments: boolean;
  readonly #anchors = new Map<string, YamlNode>();
  #handles = new Map<string, string>();
  #depth = 0;
  #nodes = 0;

  constructor(text: string, keepComments: boolean) {
    this.#scanner = new YamlScanner(text, keepComments);
    this.#keepComments = keepComments;
  }

  document(): YamlDocument {
    while (this.#is("<document end>")) this.#scanner.take();
    if (this.#is("<stream end>")) {
      return { root: undefined, explicitStart: false, comments: this.#scanner.peek().pre ?? [] };
    }
    const explicitStart = this.#documentStart();
    const root = this.#is("<document start>", "<document end>", "<directive>", "<stream end>")
      ? empty(this.#scanner.peek().start)
      : this.#node(true, false);
    const isEnded = this.#is("<document end>");
    while (this.#is("<document end>")) this.#scanner.take();
    if (!this.#is("<stream end>")) {
      const next = this.#scanner.peek();
      if (isEnded || next.id === "<document start>" || next.id === "<directive>") {
        throw new YamlProblem(
          "expected a single document in the stream",
          root.start,
          "but found another document",
          next.start,
        );
      }
      throw new YamlProblem(undefined, undefined, `expected '<document start>', but found ('${next.id}',)`, next.start);
    }
    return { root, explicitStart, comments: [] };
  }

  #documentStart(): boolean {
    const directives = this.#is("<directive>");
    while (this.#is("<directive>")) {
      const words = this.#scanner.take().value.split(/[ \t]+/);
      if (words[0] === "TAG" && words[1] !== undefined && words[2] !== undefined) this.#handles.set(words[1], words[2]);
    }
    if (this.#is("<document start>")) {
      this.#scanner.take();
      return true;
    }
    if (directives) {
      const next = this.#scanner.peek();
      throw new YamlProblem(undefined, undefined, `expected '<document start>', but found ('${next.id}',)`, next.start);
    }
    return false;
  }

  #is(first: TokenId, second?: TokenId, third?: TokenId, fourth?: TokenId): boolean {
    const { id } = this.#scanner.peek();
    return id === first || id === second || id === third || id === fourth;
  }

  #node(block: boolean, indentless: boolean): YamlNode {
    if (++this.#depth > MAX_DEPTH) {
      throw new YamlProblem(
        undefined,
        undefined,
        "maximum depth of data structure exceeded",
        this.#scanner.peek().start,
      );
    }
    if (++this.#nodes > MAX_NODES)
      throw new YamlProblem(undefined, undefined, "too many values in a document", this.#scanner.peek().start);
    const node = this.#nodeInside(block, indentless);
    this.#depth--;
    return node;
  }

  #nodeInside(block: boolean, indentless: boolean): YamlNode {
    if (this.#is("<alias>")) return this.#alias();
    const properties = this.#properties();
    const next = this.#scanner.peek();
    const start = properties.start ?? next.start;
    const base = { tag: properties.tag, anchor: properties.anchor, start };
    if (indentless && next.id === "-") return this.#indentless(base, next);
    switch (next.id) {
      case "<scalar>": {
        const token = this.#scanner.take();
        return this.#named({
          tag: base.tag,
          anchor: base.anchor,
          start: base.start,
          kind: "scalar",
          value: token.value,
          style: token.style,
          header: token.header,
          comments: commentsOf(token),
        });
      }
      case "[":
        return this.#flowSequence(base, next);
      case "{":
        return this.#flowMapping(base, next);
      case "<block sequence start>":
        if (block) return this.#blockSequence(base, next);
        break;
      case "<block mapping start>":
        if (block) return this.#blockMapping(base, next);
        break;
      default:
        break;
    }
    if (properties.tag !== undefined || properties.anchor !== undefined) {
      return this.#named({ ...empty(start), tag: properties.tag, anchor: properties.anchor });
    }
    throw new YamlProblem(
      `while parsing a ${block ? "block" : "flow"} node`,
      start,
      `expected the node content, but found '${next.id}'`,
      next.start,
    );
  }

  #named<T extends YamlNode>(node: T): T {
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    return node;
  }

  #alias(): YamlNode {
    const token = this.#scanner.take();
    const target = this.#anchors.get(token.value);
    if (target === undefined) {
      throw new YamlProblem(undefined, undefined, `found undefined alias ${pyStringRepr(token.value)}`, token.start);
    }
    return {
      kind: "alias",
      name: token.value,
      target,
      tag: undefined,
      anchor: undefined,
      start: token.start,
      comments: undefined,
    };
  }

  /** What stands before a node: `!tag`, `&anchor`. */
  #properties(): { tag: string | undefined; anchor: string | undefined; start: Mark | undefined } {
    if (!this.#is("<anchor>", "<tag>")) return NO_PROPERTIES;
    let tag: string | undefined;
    let anchor: string | undefined;
    let start: Mark | undefined;
    for (;;) {
      const next = this.#scanner.peek();
      if (next.id === "<anchor>" && anchor === undefined) anchor = next.value;
      else if (next.id === "<tag>" && tag === undefined) tag = this.#fullTag(next);
      else return { tag, anchor, start };
      start ??= next.start;
      this.#moveComment(this.#scanner.take(), false);
    }
  }

  #fullTag(token: Token): string {
    const written = token.value;
    const match = /^(!(?:[0-9A-Za-z_-]*!)?)(.*)$/s.exec(written);
    const handle = match?.[1] ?? "!";
    const suffix = match?.[2] ?? "";
    if (written.startsWith("!<")) return written.slice(2, -1);
    const prefix = this.#handles.get(handle);
    if (prefix !== undefined) return prefix + suffix;
    if (handle === "!!") return `tag:yaml.org,2002:${suffix}`;
    if (handle === "!") return written;
    throw new YamlProblem("while parsing a node", token.start, `found undefined tag handle '${handle}'`, token.start);
  }

  #indentless(base: BaseParts, next: Token): YamlNode {
    let comments: NodeComments | undefined;
    if (next.post !== undefined) {
      comments = { post: next.post, pre: [] };
      next.post = undefined;
    } else if (next.pre !== undefined) {
      comments = { pre: next.pre };
      next.pre = undefined;
    }
    const node = this.#named<SequenceNode>({
      tag: base.tag,
      anchor: base.anchor,
      start: base.start,
      kind: "sequence",
      items: [],
      flow: false,
      comments,
      end: undefined,
    });
    while (this.#is("-")) {
      const token = this.#scanner.take();
      this.#moveComment(token, false);
      node.items.push(this.#is("-", "?", ":", "<block end>") ? empty(token.end) : this.#node(true, false));
    }
    const after = this.#scanner.peek();
    if (after.pre !== undefined) {
      node.end = after.pre;
      after.pre = undefined;
    }
    return node;
  }

  #blockSequence(base: BaseParts, next: Token): YamlNode {
    let comments = commentsOf(next);
    if (comments?.post !== undefined && comments.pre === undefined) {
      comments = { post: comments.post };
      next.post = undefined;
    }
    const node = this.#named<SequenceNode>({
      tag: base.tag,
      anchor: base.anchor,
      start: base.start,
      kind: "sequence",
      items: [],
      flow: false,
      comments,
      end: undefined,
    });
    this.#scanner.take();
    while (this.#is("-")) {
      const token = this.#scanner.take();
      this.#moveComment(token, false);
      node.items.push(this.#is("-", "<block end>") ? empty(token.end) : this.#node(true, false));
    }
    const last = this.#expectBlockEnd("while parsing a block collection", next);
    if (last.pre !== undefined) node.end = last.pre;
    return node;
  }

  #expectBlockEnd(context: string, start: Token): Token {
    const next = this.#scanner.peek();
    if (next.id !== "<block end>") {
      throw new YamlProblem(context, start.start, `expected <block end>, but found '${next.id}'`, next.start);
    }
    return this.#scanner.take();
  }

  #blockMapping(base: BaseParts, next: Token): YamlNode {
    const node = this.#named<MappingNode>({
      tag: base.tag,
      anchor: base.anchor,
      start: base.start,
      kind: "mapping",
      pairs: [],
      flow: false,
      comments: commentsOf(next),
      end: undefined,
    });
    this.#scanner.take();
    while (this.#is("?", ":")) {
      const key = this.#blockKey();
      node.pairs.push({ key, value: this.#blockValue() });
    }
    const last = this.#expectBlockEnd("while parsing a block mapping", next);
    if (!this.#moveComment(last, false) && last.pre !== undefined) node.end = last.pre;
    return node;
  }

  #blockKey(): YamlNode {
    if (this.#is(":")) return empty(this.#scanner.peek().start);
    const token = this.#scanner.take();
    this.#moveComment(token, false);
    return this.#is("?", ":", "<block end>") ? empty(token.end) : this.#node(true, true);
  }

  #blockValue(): YamlNode {
    if (!this.#is(":")) return empty(this.#scanner.peek().start);
    const token = this.#scanner.take();
    if (this.#is(":")) this.#moveComment(token, false);
    else if (!this.#is("?")) this.#moveComment(token, true);
    if (!this.#is("?", ":", "<block end>")) return this.#node(true, true);
    const node = empty(token.end);
    node.comments = commentsOf(token);
    const following = this.#scanner.peek();
    if (node.comments === undefined && following.post !== undefined) {
      node.comments = { post: following.post };
      following.post = undefined;
    }
    return node;
  }

  #flowSequence(base: BaseParts, next: Token): YamlNode {
    const node = this.#named<SequenceNode>({
      tag: base.tag,
      anchor: base.anchor,
      start: base.start,
      kind: "sequence",
      items: [],
      flow: true,
      comments: commentsOf(next),
      end: undefined,
    });
    this.#scanner.take();
    while (!this.#is("]")) {
      if (node.items.length > 0) {
        this.#expectSeparator("while parsing a flow sequence", next, "]");
        if (this.#is("]")) break;
      }
      node.items.push(this.#is("?") ? this.#flowPairItem() : this.#node(false, false));
    }
    const last = this.#scanner.take();
    node.comments = commentsOf(last) ?? node.comments;
    return node;
  }

  #expectSeparator(context: string, start: Token, close: "]" | "}"): void {
    const next = this.#scanner.peek();
    if (next.id !== ",") {
      throw new YamlProblem(context, start.start, `expected ',' or '${close}', but got '${next.id}'`, next.start);
    }
    this.#scanner.take();
  }

  #flowPairItem(): YamlNode {
    const token = this.#scanner.take();
    const key = this.#is(":", ",", "]") ? empty(token.end) : this.#node(false, false);
    const value = this.#flowValue("]");
    return {
      kind: "mapping",
      pairs: [{ key, value }],
      flow: true,
      tag: undefined,
      anchor: undefined,
      start: token.start,
      comments: undefined,
      end: undefined,
    };
  }

  #flowValue(close: "]" | "}"): YamlNode {
    if (!this.#is(":")) return empty(this.#scanner.peek().start);
    const token = this.#scanner.take();
    return this.#is(",", close) ? empty(token.end) : this.#node(false, false);
  }

  #flowMapping(base: BaseParts, next: Token): YamlNode {
    const node = this.#named<MappingNode>({
      tag: base.tag,
      anchor: base.anchor,
      start: base.start,
      kind: "mapping",
      pairs: [],
      flow: true,
      comments: commentsOf(next),
      end: undefined,
    });
    this.#scanner.take();
    while (!this.#is("}")) {
      if (node.pairs.length > 0) {
        this.#expectSeparator("while parsing a flow mapping", next, "}");
        if (this.#is("}")) break;
      }
      node.pairs.push(this.#flowPair());
    }
    const last = this.#scanner.take();
    node.comments = commentsOf(last) ?? node.comments;
    return node;
  }

  #flowPair(): Pair {
    if (this.#is("?")) {
      const token = this.#scanner.take();
      const key = this.#is(":", ",", "}") ? empty(token.end) : this.#node(false, false);
      return { key, value: this.#flowValue("}") };
    }
    if (this.#is(":")) return { key: empty(this.#scanner.peek().end), value: this.#flowValue("}") };
    const key = this.#node(false, false);
    return { key, value: empty(this.#scanner.peek().start) };
  }

  /** Hands the comments of `token` to the token that follows. False when there is none to take them. */
  #moveComment(token: Token, asValue: boolean): boolean {
    if (!this.#keepComments || (token.post === undefined && token.pre === undefined && token.carried === undefined)) {
      return false;
    }
    const target = this.#scanner.peek();
    if (target.id === "<stream end>" || target.id === "<document start>") return false;
    const bare = target.post === undefined && target.pre === undefined && target.carried === undefined;
    if (bare && asValue) target.carried = token.post;
    else if (token.carried !== undefined) target.carried ??= token.carried;
    if (token.post !== undefined) target.post = token.post;
    if (token.pre !== undefined) target.pre = target.pre === undefined ? token.pre : [...token.pre, ...target.pre];
    token.post = undefined;
    token.pre = undefined;
    token.carried = undefined;
    return true;
  }
}

const NO_PROPERTIES = { tag: undefined, anchor: undefined, start: undefined };

interface BaseParts {
  readonly tag: string | undefined;
  readonly anchor: string | undefined;
  readonly start: Mark;
}

function commentsOf(token: Token): NodeComments | undefined {
  if (token.post === undefined && token.pre === undefined && token.carried === undefined) return undefined;
  return { post: token.post, pre: token.pre, carried: token.carried };
}

function empty(start: Mark): ScalarNode {
  return {
    kind: "scalar",
    value: "",
    style: "",
    header: undefined,
    tag: undefined,
    anchor: undefined,
    start,
    comments: undefined,
  };
}
