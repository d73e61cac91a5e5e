//! What `cargo xtask` says about itself.

use crate::failure::{Failure, Result};

const OVERVIEW: &str = "\
cargo xtask COMMAND: this repository's own commands. Nothing to install first
but Rust, Go and a C compiler (`test` and `lint` also want Node, `test` Chromium
and promtool; both tell what is missing and how to get it).

To try it:
  dev [ARGS…]          build and start everything on this machine; follow its words
To change it:
  test [FILTER…]       all that the README promises, with real etcd, grpcurl, browser
  test --unit          only the tests inside the crates: seconds, needs Rust alone
  lint                 format, clippy, protos, dependencies, file lengths
  generate [--check]   the CRD, the charts' and docs' generated parts, dist/
  mutants [NAME…]      breaks one promise at a time; its test must go red
  bench console        what the console costs, beside its bounds
  pictures             draws the console's pictures in docs/pictures anew
  ci                   what a submission must pass: lint, test, bench, some mutants
To help yourself:
  tools [NAME…]        build or find the pinned test tools and say where they are
  build [ARGS…]        cargo build with the protobuf compiler found
  cargo COMMAND …      any cargo command, likewise

`cargo xtask help COMMAND` tells more about one.";

const DEV: &str = "\
cargo xtask dev [ARGS…]
Builds push-manager (dev profile) and runs `push-manager dev ARGS…`: the manager,
a Controller and three Connect-Nodes in one process. It prints a page to open and
commands to try. Ctrl-C stops it. `cargo xtask dev --help` lists the ARGS.";

const TEST: &str = "\
cargo xtask test [FILTER…]       every test, or those whose name holds a FILTER
cargo xtask test --unit          cargo test --workspace --lib --bins; needs Rust alone
cargo xtask test -- ARGS…        cargo test ARGS, with the tools prepared
                                 (e.g. -- -p push-manager --test discovery -- a_name)
Checks what the machine lacks, builds the pinned tools, builds the Go interop
program, then runs the tests. The tests find the tools in these variables:
PROTOC ETCD ETCDCTL GRPCURL PROMTOOL CHROMIUM INTEROP_GO KUBE_APISERVER
KUBE_CONTROLLER_MANAGER KUBECTL HELM KUBECONFORM PREVIOUS_OPERATOR. To run cargo yourself:
  eval \"$(cargo xtask tools --env)\"";

const TOOLS: &str = "\
cargo xtask tools [NAME…]        build or find them; print name, version, path
cargo xtask tools --list         the same without building anything
cargo xtask tools --env [NAME…]  print shell lines to set; use it as
                                 eval \"$(cargo xtask tools --env)\"
docker-compose is made ready only when it is named.
What is pinned, and how to change it: tools/README.md. They live in
${XDG_CACHE_HOME:-~/.cache}/push-manager/tools, which may be deleted at any time.";

const LINT: &str = "\
cargo xtask lint                 all checks
cargo xtask lint NAME…           some: format, clippy, protos, dependencies, go, files, generated
Protos are compared with proto/released: a change that breaks a deployed peer
fails. Dependencies: one version of each crate listed in deny.toml, the licences
listed there, and one registry as the only source.";

const GENERATE: &str = "\
cargo xtask generate             writes them anew
cargo xtask generate --check     names those that are stale; `lint` does it, too
Builds the operator, which prints the definition of PushManager, the rules of its
roles, the schemas of the charts' values and the fields in docs/kubernetes.md;
copies alerts and dashboard into the charts; makes the tables of values in the
charts' READMEs from the comments in values.yaml; renders dist/install.yaml from
the operator's chart with the pinned helm.";

const MUTANTS: &str = "\
cargo xtask mutants [NAME…]      all patches in xtask/mutants, or those named
cargo xtask mutants --list       what each breaks, and the test that sees it
cargo xtask mutants --sample K --seed S   K of them, chosen by the seed
cargo xtask mutants --target-dir D          builds there, to share what is built
A patch is a unified diff under two header lines:
  # breaks: the promise that no longer holds
  # caught-by: cargo test -p PACKAGE [--lib | --test T] -- TEST_NAME
and, where the test then hangs rather than fails, `# caught-by-timeout`.
In a copy of the repository each named test is first run unpatched (it must pass),
then with its patch (it must fail). A patch that no test notices is a promise
that nobody keeps.";

const BENCH: &str = "\
cargo xtask bench console [server] [--short]
Builds the release programs and measures: drawing with 20,000 nodes, bringing
replicas together, memory after an hour with 1,000 nodes, from a key to the
screen, bytes to the terminal; and the CPU that four consoles at 1 Hz cost a
manager with 1,000 nodes. Prints each figure with its bound, where one is
promised; a bound that does not hold is a failure. With `server`: only what the
manager's part costs. --short takes about two minutes once things are built, and
is what `ci` runs.";

const PICTURES: &str = "\
cargo xtask pictures
Builds the release pushtop and draws docs/pictures/*.svg anew from docs/demo.pmrec.
A test compares them with what the program draws.";

const CI: &str = "\
cargo xtask ci
lint, test, the short benchmark and three mutants chosen by the commit. `.ci/run` installs what a bare
Debian machine lacks and then calls this.";

const CARGO: &str = "\
cargo xtask build [ARGS…]        cargo build ARGS
cargo xtask cargo COMMAND …      any cargo command
Both set PROTOC: $PROTOC if set, else protoc from PATH, else one that comes as a
crate. Plain cargo works as well where protoc is installed.";

pub(crate) fn print(command: Option<&str>) -> Result<()> {
    let text = match command {
        None | Some("help" | "--help" | "-h") => OVERVIEW,
        Some("dev") => DEV,
        Some("test") => TEST,
        Some("tools") => TOOLS,
        Some("lint") => LINT,
        Some("generate") => GENERATE,
        Some("mutants") => MUTANTS,
        Some("bench") => BENCH,
        Some("pictures") => PICTURES,
        Some("ci") => CI,
        Some("build" | "cargo") => CARGO,
        Some(other) => {
            return Err(Failure::new(format!("there is no command `{other}`"))
                .hint("run `cargo xtask` for the list of commands"));
        }
    };
    println!("{text}");
    Ok(())
}
