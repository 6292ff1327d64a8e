/** The commands that write, each with a story before it: what the tests of faults go through. */
/** A command that writes, and what it finds. */
export interface Verb {
  readonly args: readonly string[];
  /** Shell lines that make what the verb finds; `files v2` writes the second version of the data. */
  readonly prepare: string;
  /** It is there to delete for good: what goes is not looked for. */
  readonly deletes?: true;
  /** An object is damaged from the beginning. */
  readonly isDamaged?: true;
  /** Brings what a power loss took from the workspace, whose files are not flushed, when the second run finds nothing to do. */
  readonly then?: readonly string[];
  /** Faults of the share; as many as of any without it. */
  readonly share?: number;
  /** What it leaves alone is part of its result, with exit code 1. */
  readonly tellsOnOutput?: true;
  /** Only gone through with `make test-long`. */
  readonly onlyLong?: true;
}

const FIRST = `
files() {
  mkdir -p data/sub
  for name in a b sub/c; do rm -f data/$name; echo "$1 $name" > data/$name; done
  echo same > data/same
  rm -f model; echo "$1 model" > model
}
git init -q -b main
holdfast init -q
holdfast config core.autostage true
holdfast remote add -q -d store ../remote
git add .dvc/config
mkdir -p ../outside && echo precious > ../outside/precious
files v1
`;
const ADDED = `${FIRST}
holdfast add -q data model
git commit -q -m v1
`;
const TWO = `${ADDED}
git tag one
files v2; rm data/a; echo new > data/new
holdfast add -q data model
git commit -q -m v2
`;
const STAGES = `${ADDED}
echo 'import sys; open(sys.argv[2], "w").write(open(sys.argv[1]).read() * 2)' > double.py
holdfast stage add -q -n first -d double.py -d data/b -o middle "python3 double.py data/b middle"
holdfast stage add -q -n second -d middle -O last "cp middle last"
holdfast repro -q
git add . && git commit -q -m stages
files v2
`;

/** Another project, with data in its cache. */
const SOURCE = `${FIRST}
mkdir ../source && (cd ../source && git init -q -b main && holdfast init -q && files v1 && holdfast add -q data && git add . && git commit -q -m v1)
git add . && git commit -q -m v1
`;
const IMPORTED = `${SOURCE}
holdfast import -q ../source data -o got && git add . && git commit -q -m import
(cd ../source && files v2 && rm data/a && holdfast add -q data && git add . && git commit -q -m v2)
`;
const LINKED = `${FIRST}
holdfast config cache.type symlink
holdfast add -q data model && git add . && git commit -q -m v1
`;
const DAMAGED = `${ADDED}
holdfast push -q
object=$(find .dvc/cache/files/md5 -type f ! -name '*.dir' | sort | head -n 1)
chmod u+w "$object" && printf '!' >> "$object" && chmod 444 "$object"
`;
const ARCHIVED = `${TWO}
holdfast snapshot export -q one ../one.tar
`;

/** Git alone. */
const EMPTY = `
git init -q -b main
echo precious > own
`;
/** Data as DVC 2 kept it. */
const LEGACY = `${ADDED}
(cd .dvc/cache && mv files/md5/* . && rm -r files)
sed -i '/hash: md5/d' data.dvc model.dvc
git commit -q -a -m old
`;
/** Other people's config, which names a file of ours. */
const DISTRUSTED = `${ADDED}
printf '[cache]\\n    dir = ../../outside/cache\\n' >> .dvc/config
git commit -q -a -m theirs
`;
/** Stages that can run side by side. */
const PARALLEL = `${ADDED}
for n in 1 2 3; do holdfast stage add -q -n side$n -d model -o out$n "cp model out$n"; done
git add . && git commit -q -m stages
`;
const ARTIFACT = `${SOURCE}
(cd ../source && printf 'artifacts:\\n  model:\\n    path: model\\n' > dvc.yaml && git add . && git commit -q -m model && git tag -a -m v1 model@v1.0.0)
`;
const PLOTTED = `${ADDED}
printf 'x,y\\n1,2\\n2,3\\n' > source.csv
holdfast stage add -q -n plot -d source.csv --plots-no-cache plot.csv "cp source.csv plot.csv"
holdfast repro -q
git add . && git commit -q -m plots
`;
const DATABASE = `${ADDED}
python3 -c 'import sqlite3; db = sqlite3.connect("../shop.db"); db.executescript("create table t (i int); insert into t values (1), (2)")'
holdfast config -q --local db.shop.url "sqlite:///$PWD/../shop.db"
`;
/** Both sides added a file to the same folder. */
const MERGED = `${ADDED}
git checkout -q -b side && echo theirs > data/theirs && holdfast add -q data && git commit -q -a -m theirs
git checkout -q main && holdfast checkout -q && echo ours > data/ours && holdfast add -q data && git commit -q -a -m ours
git show HEAD~1:data.dvc > base; git show side:data.dvc > their; git show HEAD:data.dvc > our
`;
/** Git has somewhere to push to. */
const PUSHING = `${ADDED}
git init -q --bare ../upstream && git remote add origin ../upstream && git push -q -u origin main
files v2; rm data/a
`;

/** Every command that writes, by a name for it. */
export const verbs: Record<string, Verb> = {
  add: { args: ["add", "data", "model"], prepare: FIRST },
  "add again": { args: ["add", "data", "model"], prepare: `${ADDED}\nfiles v2; rm data/a; echo new > data/new` },
  commit: { args: ["commit", "-f"], prepare: `${ADDED}\nfiles v2; rm data/a` },
  checkout: { args: ["checkout"], prepare: `${TWO}\ngit checkout -q one` },
  "checkout over unsaved files": { args: ["checkout", "-f"], prepare: `${TWO}\nfiles v3` },
  push: { args: ["push"], prepare: ADDED },
  fetch: { args: ["fetch"], prepare: `${ADDED}\nholdfast push -q; rm -rf .dvc/cache` },
  pull: { args: ["pull"], prepare: `${ADDED}\nholdfast push -q; rm -rf .dvc/cache data model` },
  gc: { args: ["gc", "-w", "-f"], prepare: `${TWO}\ngit reset -q --hard HEAD~0; git tag -d one >/dev/null` },
  move: { args: ["move", "data", "moved"], prepare: ADDED },
  "move of what was edited": {
    args: ["move", "data", "moved"],
    prepare: `${ADDED}\nfiles v2; echo mine > data/mine`,
  },
  remove: { args: ["remove", "data.dvc", "--outs"], prepare: `${ADDED}\nfiles v2` },
  "remove of links": { args: ["remove", "data.dvc"], prepare: LINKED, share: 2 },
  repro: { args: ["repro"], prepare: STAGES },
  "snapshot save": { args: ["snapshot", "save", "-m", "second", "-t", "v2"], prepare: `${ADDED}\nfiles v2; rm data/a` },
  "snapshot restore": { args: ["snapshot", "restore", "one"], prepare: TWO },
  undo: { args: ["undo"], prepare: `${ADDED}\nfiles v2\nholdfast add -q data` },
  "undo of checkout -f": { args: ["undo"], prepare: `${TWO}\nfiles v3\nholdfast checkout -q -f` },
  "undo of snapshot restore": { args: ["undo"], prepare: `${TWO}\nholdfast snapshot restore -q one` },
  import: { args: ["import", "../source", "data", "-o", "got"], prepare: SOURCE, share: 2 },
  update: { args: ["update", "got.dvc"], prepare: IMPORTED, share: 2 },
  "import-url": { args: ["import-url", "../outside/precious", "got"], prepare: ADDED, share: 2 },
  get: { args: ["get", "../source", "data", "-o", "taken"], prepare: SOURCE, share: 2 },
  "get over files": { args: ["get", "../source", "data", "-f"], prepare: `${SOURCE}\nfiles v3`, share: 2 },
  "get-url": { args: ["get-url", "../outside/precious", "model", "-f"], prepare: ADDED, share: 2 },
  "unprotect of a file": { args: ["unprotect", "model"], prepare: LINKED, onlyLong: true },
  unprotect: { args: ["unprotect", "data", "model"], prepare: LINKED, share: 2 },
  "checkout --relink": {
    args: ["checkout", "--relink"],
    prepare: `${ADDED}\nholdfast config cache.type symlink`,
    share: 2,
  },
  "fsck --repair": {
    args: ["fsck", "--repair", "-r", "store"],
    prepare: DAMAGED,
    isDamaged: true,
    then: ["fetch"],
    share: 2,
  },
  evict: { args: ["evict", "data"], prepare: `${ADDED}\nholdfast push -q`, tellsOnOutput: true, share: 2 },
  purge: { args: ["purge", "data", "-f"], prepare: `${TWO}\nholdfast push -q -A`, deletes: true, share: 2 },
  "gc -c": { args: ["gc", "-c", "-w", "-f"], prepare: `${TWO}\nholdfast push -q -A`, deletes: true, share: 2 },
  "gc --undo": { args: ["gc", "--undo"], prepare: `${TWO}\nholdfast gc -q -w -f`, share: 2 },
  "stage add": { args: ["stage", "add", "-n", "x", "-d", "model", "-o", "y", "cp model y"], prepare: ADDED, share: 2 },
  freeze: { args: ["freeze", "first"], prepare: STAGES, share: 2 },
  "snapshot export": { args: ["snapshot", "export", "one", "../one.tar.zst", "-f"], prepare: TWO, share: 2 },
  "snapshot import": { args: ["snapshot", "import", "../one.tar", "../back"], prepare: ARCHIVED, share: 2 },
  "snapshot import into an empty folder": {
    args: ["snapshot", "import", "../one.tar", "../back"],
    prepare: `${ARCHIVED}\nmkdir ../back`,
    share: 2,
  },
  "undo of get": { args: ["undo"], prepare: `${SOURCE}\nfiles v3\nholdfast get -q ../source data -f`, share: 2 },
  "undo --redo": { args: ["undo", "--redo"], prepare: `${TWO}\nfiles v3\nholdfast checkout -q -f\nholdfast undo -q` },
  init: { args: ["init"], prepare: EMPTY, share: 2 },
  "init -f": { args: ["init", "-f"], prepare: `${EMPTY}\nholdfast init -q`, onlyLong: true },
  install: { args: ["install"], prepare: FIRST, onlyLong: true },
  destroy: { args: ["destroy", "-f"], prepare: ADDED, deletes: true, onlyLong: true },
  "destroy with links": { args: ["destroy", "-f"], prepare: LINKED, deletes: true, onlyLong: true },
  config: { args: ["config", "core.analytics", "false"], prepare: FIRST, onlyLong: true },
  "config --global": { args: ["config", "--global", "core.analytics", "false"], prepare: FIRST, onlyLong: true },
  "config --unset": { args: ["config", "-u", "core.autostage"], prepare: FIRST, onlyLong: true },
  "cache dir": { args: ["cache", "dir", "other"], prepare: FIRST, onlyLong: true },
  "cache migrate": { args: ["cache", "migrate", "--dvc-files"], prepare: LEGACY },
  "remote add": { args: ["remote", "add", "-f", "other", "../other"], prepare: FIRST, onlyLong: true },
  "remote modify": { args: ["remote", "modify", "--local", "store", "verify", "true"], prepare: FIRST, onlyLong: true },
  "remote default": { args: ["remote", "default", "-u"], prepare: FIRST, onlyLong: true },
  "remote rename": { args: ["remote", "rename", "store", "shelf"], prepare: FIRST, onlyLong: true },
  "remote remove": { args: ["remote", "remove", "store"], prepare: FIRST, share: 2 },
  trust: { args: ["trust"], prepare: DISTRUSTED, share: 2 },
  "trust --revoke": { args: ["trust", "--revoke"], prepare: `${DISTRUSTED}\nholdfast trust -q`, onlyLong: true },
  unfreeze: { args: ["unfreeze", "first"], prepare: `${STAGES}\nholdfast freeze -q first`, onlyLong: true },
  "remove of a stage": { args: ["remove", "second"], prepare: STAGES, onlyLong: true },
  "stage add -f": {
    args: ["stage", "add", "-f", "-n", "second", "-d", "middle", "-o", "other", "cp middle other"],
    prepare: STAGES,
    onlyLong: true,
  },
  "commit of stages": {
    args: ["commit", "-f", "first", "second"],
    prepare: `${STAGES}\nrm -f middle; echo mine > middle`,
    onlyLong: true,
  },
  "repro from the run cache": {
    args: ["repro"],
    prepare: `${STAGES}\nholdfast repro -q\nfiles v1; rm middle last; git checkout -q dvc.lock`,
  },
  "repro -j 2": { args: ["repro", "-j", "2"], prepare: PARALLEL },
  "repro --pull": {
    args: ["repro", "--pull"],
    prepare: `${STAGES}\nholdfast repro -q; holdfast push -q -r store; rm -rf .dvc/cache data middle last`,
  },
  "push --run-cache": { args: ["push", "--run-cache"], prepare: STAGES, onlyLong: true },
  "push --verify": { args: ["push", "--verify"], prepare: ADDED, onlyLong: true },
  "pull --run-cache": {
    args: ["pull", "--run-cache"],
    prepare: `${STAGES}\nholdfast repro -q\nholdfast push -q --run-cache; rm -rf .dvc/cache data middle model`,
    onlyLong: true,
  },
  "pull of an import": {
    args: ["pull"],
    prepare: `${SOURCE}\nholdfast import -q ../source data -o got\nrm -rf .dvc/cache got`,
    onlyLong: true,
  },
  "add --no-commit": { args: ["add", "--no-commit", "data"], prepare: FIRST, onlyLong: true },
  "add -o": { args: ["add", "../outside/precious", "-o", "mine"], prepare: FIRST, onlyLong: true },
  "add --to-remote": {
    args: ["add", "--to-remote", "../outside/precious", "-o", "mine"],
    prepare: FIRST,
    onlyLong: true,
  },
  "add of a part": { args: ["add", "data/sub"], prepare: `${ADDED}\nfiles v2`, onlyLong: true },
  "import-url of a folder": { args: ["import-url", "../outside", "got"], prepare: ADDED, onlyLong: true },
  "import-url --to-remote": {
    args: ["import-url", "--to-remote", "../outside/precious", "got"],
    prepare: ADDED,
    onlyLong: true,
  },
  "import-url --no-download": {
    args: ["import-url", "--no-download", "../outside/precious", "got"],
    prepare: ADDED,
    onlyLong: true,
  },
  "import --no-download": {
    args: ["import", "--no-download", "../source", "data", "-o", "got"],
    prepare: SOURCE,
    onlyLong: true,
  },
  "import of a file in Git": {
    args: ["import", "../source", ".gitignore", "-o", "got"],
    prepare: SOURCE,
    onlyLong: true,
  },
  "update of a URL": {
    args: ["update", "got.dvc"],
    prepare: `${ADDED}\nholdfast import-url -q ../outside/precious got; echo more >> ../outside/precious`,
    onlyLong: true,
  },
  "get-url of a folder": { args: ["get-url", "../outside", "taken"], prepare: ADDED, share: 2 },
  "artifacts get": {
    args: ["artifacts", "get", "../source", "model", "-o", "taken"],
    prepare: ARTIFACT,
    onlyLong: true,
  },
  "dataset add": { args: ["dataset", "add", "--dvc", "../source", "--path", "data", "ds"], prepare: SOURCE, share: 2 },
  "dataset update": {
    args: ["dataset", "update", "ds"],
    prepare: `${SOURCE}\nholdfast dataset add -q --dvc ../source --path data ds\n(cd ../source && files v2 && holdfast add -q data && git commit -q -a -m v2)`,
    onlyLong: true,
  },
  "plots modify": { args: ["plots", "modify", "plot.csv", "-t", "scatter"], prepare: PLOTTED, onlyLong: true },
  "plots show": { args: ["plots", "show"], prepare: PLOTTED, share: 1 },
  "plots show --svg": { args: ["plots", "show", "--svg", "drawn"], prepare: PLOTTED, onlyLong: true },
  "checkout with hardlinks": {
    args: ["checkout"],
    prepare: `${TWO}\nholdfast config cache.type hardlink\ngit checkout -q one`,
    onlyLong: true,
  },
  "gc --purge": {
    args: ["gc", "-w", "-f", "--purge"],
    prepare: `${TWO}\ngit tag -d one >/dev/null`,
    deletes: true,
    onlyLong: true,
  },
  "snapshot save --push": { args: ["snapshot", "save", "-m", "second", "-t", "v2", "--push"], prepare: PUSHING },
  "import-db": { args: ["import-db", "--table", "t", "--conn", "shop"], prepare: DATABASE, share: 2 },
  "update of a database": {
    args: ["update", "t.csv.dvc"],
    prepare: `${DATABASE}\nholdfast import-db -q --table t --conn shop\npython3 -c 'import sqlite3; db = sqlite3.connect("../shop.db"); db.execute("insert into t values (3)"); db.commit()'`,
    onlyLong: true,
  },
  "git-hook post-checkout": {
    args: ["git-hook", "post-checkout", "one", "HEAD", "1"],
    prepare: `${TWO}\ngit checkout -q one`,
    onlyLong: true,
  },
  "git-hook pre-push": { args: ["git-hook", "pre-push"], prepare: ADDED, onlyLong: true },
  "git-hook merge-driver": {
    args: ["git-hook", "merge-driver", "--ancestor", "base", "--our", "our", "--their", "their"],
    prepare: MERGED,
    share: 2,
  },
  "undo of add": { args: ["undo"], prepare: ADDED, onlyLong: true },
  "undo of add with links": {
    args: ["undo"],
    prepare: `${LINKED}\nfiles v2\nholdfast add -q data model`,
    onlyLong: true,
  },
  "undo of move": { args: ["undo"], prepare: `${ADDED}\nholdfast move -q data moved`, onlyLong: true },
  "undo of remove --outs": { args: ["undo"], prepare: `${ADDED}\nfiles v2\nholdfast remove -q --outs data.dvc` },
  "undo of repro": { args: ["undo"], prepare: `${STAGES}\nholdfast repro -q`, onlyLong: true },
  "undo of gc": { args: ["undo"], prepare: `${TWO}\nholdfast gc -q -w -f`, onlyLong: true },
};
