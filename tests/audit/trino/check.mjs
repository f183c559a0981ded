// Parses SQL statements with a Trino grammar that this project did not write.
// In: a JSON array of statements on standard input. Out: a JSON array with, for each, its list of error messages.
// `npm ci` at the repository root installs the parser; the working directory is that root.
import { createRequire, registerHooks } from "node:module";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

// The package is published for bundlers: ES modules whose relative imports name no file extension.
registerHooks({
  resolve(specifier, context, next) {
    if (specifier.startsWith(".") && context.parentURL?.includes("/dt-sql-parser/")) {
      const path = join(dirname(fileURLToPath(context.parentURL)), specifier);
      const file = [`${path}.js`, join(path, "index.js"), path].find((each) => existsSync(each));
      return { url: pathToFileURL(file).href, format: "module", shortCircuit: true };
    }
    return next(specifier, context);
  },
});

const root = createRequire(join(process.cwd(), "package.json"));
const parserFile = root.resolve("dt-sql-parser/dist/parser/trino/index.js");
const { TrinoSQL } = await import(pathToFileURL(parserFile).href);
const statements = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(statements.map((sql) => new TrinoSQL().validate(sql).map((error) => error.message))));
