// Puts the chunks of a split bundle into one CommonJS file, each as a function that runs when a command first needs it. V8 then keeps
// compiled code of those that run only: with everything in one scope it keeps a stub of each function of the whole program.
import ts from "typescript";

/**
 * @param {{name: string, text: string}[]} chunks as esbuild writes them: ES modules that import each other as `./name`
 * @param {string} entry name of the chunk that starts the program
 * @returns {string} the text of the file; `require` stays Node's for all that is no chunk
 */
export function packChunks(chunks, entry) {
  const ids = new Map(chunks.map(({ name }, id) => [`./${name}`, id]));
  const parts = chunks.map(({ name, text }) => `${ids.get(`./${name}`)}(){${chunkBody(name, text, ids)}}`);
  return `const __chunks={${parts.join(",\n")}};
const __loaded=[];
function __chunk(id){return __loaded[id]??=__chunks[id]()}
async function __chunkLater(id){return __chunk(id)}
async function __packageLater(name){const all=require(name);return Object.create(all,{default:{value:all}})}
__chunk(${ids.get(`./${entry}`)});
`;
}

/** One chunk as the body of a function that returns its exports. What it imports is made ready first, as in a module. */
function chunkBody(name, text, ids) {
  const source = ts.createSourceFile(name, text, ts.ScriptTarget.ESNext, false, ts.ScriptKind.JS);
  const edits = [];
  const head = [];
  const names = [];
  for (const statement of source.statements) {
    if (ts.isImportDeclaration(statement)) head.push(importText(statement, ids));
    else if (ts.isExportDeclaration(statement)) names.push(...exportedNames(statement, name));
    else continue;
    edits.push({ from: statement.getStart(source), to: statement.end, text: "" });
  }
  visit(source);
  edits.sort((a, b) => a.from - b.from);
  let body = head.join("");
  let at = 0;
  for (const edit of edits) {
    body += text.slice(at, edit.from) + edit.text;
    at = edit.to;
  }
  return `${body}${text.slice(at).trimEnd()}\nreturn{${names.join(",")}}`;

  function visit(node) {
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [specifier] = node.arguments;
      const isText = specifier !== undefined && ts.isStringLiteralLike(specifier);
      const id = isText ? ids.get(specifier.text) : undefined;
      const call = id === undefined ? `__packageLater(${specifier?.getText(source)})` : `__chunkLater(${id})`;
      edits.push({ from: node.getStart(source), to: node.end, text: call });
    } else ts.forEachChild(node, visit);
  }
}

function importText({ importClause, moduleSpecifier }, ids) {
  const id = ids.get(moduleSpecifier.text);
  const value = id === undefined ? `require(${JSON.stringify(moduleSpecifier.text)})` : `__chunk(${id})`;
  if (importClause === undefined) return `${value};`;
  const { name, namedBindings } = importClause;
  const parts = [];
  if (name !== undefined) parts.push(`${name.text}=${value}`);
  if (namedBindings !== undefined && ts.isNamespaceImport(namedBindings))
    parts.push(`${namedBindings.name.text}=${value}`);
  else if (namedBindings !== undefined) {
    const words = namedBindings.elements.map((one) => `${(one.propertyName ?? one.name).text}:${one.name.text}`);
    parts.push(`{${words.join(",")}}=${value}`);
  }
  return `var ${parts.join(",")};`;
}

function exportedNames({ exportClause, moduleSpecifier }, name) {
  if (moduleSpecifier !== undefined || exportClause === undefined || !ts.isNamedExports(exportClause))
    throw new Error(`${name}: an export that this script does not know`);
  return exportClause.elements.map((one) => `${one.name.text}:${(one.propertyName ?? one.name).text}`);
}
