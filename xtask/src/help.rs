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
  e2e [FILTER…]        scenarios on a real cluster, which kind makes in containers
  compose              the system of compose.yaml, tried with images made here
  readme               the README's way to Kubernetes, typed as it is written there
  mutants [NAME…]      breaks one promise at a time; its test must go red
  bench console        what the console costs, beside its bounds
  images [--load]      container images of the product, without pulling anything
  pictures             draws the console's pictures in docs/pictures anew
  ci                   what a submission must pass: these checks, mutants and e2e in part
To have a cluster:
  cluster create       one of containers; cluster status, load, delete
  engine start         a container engine of our own, where the machine has none
  node-image           what nodes are made of, where no image registry can be reached
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
Without a NAME: those of the tests. By name also docker-compose, and those of a
cluster: kind, kubelet, kubeadm and so on, see tools/README.md, which tells how
to change a pin, too. They live in
${XDG_CACHE_HOME:-~/.cache}/push-manager/tools, which may be deleted at any time.";

const ENGINE: &str = "\
cargo xtask engine start         start a container engine of our own, or find it running
cargo xtask engine stop          stop it and its containers; images are kept
cargo xtask engine status        which engine the other commands use
cargo xtask engine env           shell lines to use it: eval \"$(cargo xtask engine env)\"
cargo xtask engine in COMMAND…   run a command where the ports of containers are
Commands that want an engine take what DOCKER_HOST names, else our own where it
runs, else the machine's. Our own is dockerd (Debian: apt-get install docker.io) with
sockets, data and a network namespace of its own, beside any other; it needs root on Linux,
and runs privileged containers even where the machine withholds a capability. It
reaches nothing outside, no registry either. All it keeps is in
${XDG_CACHE_HOME:-~/.cache}/push-manager/engine; stop it before you delete that.";

const NODE_IMAGE: &str = "\
cargo xtask node-image           build the node image, unless it is there; print its name
cargo xtask node-image base      likewise a base for images: Debian and certificates
A node image for kind made of Debian's packages and Go modules, for where no image
registry can be reached. Needs root on Linux, debootstrap, Go and an engine. The first
time takes five to fifteen minutes, most of it Go and debootstrap. What is in it and what
decides its name: tests/e2e/node/README.md. Packages come from apt's own mirror, or
from the address in DEBIAN_MIRROR.";

const CLUSTER: &str = "\
cargo xtask cluster create       one control plane, two workers; waits until all is ready
    --name NAME                  instead of push-manager
    --image IMAGE                this node image
    --node-image own             the one that `cargo xtask node-image` builds
    --kubeconfig FILE            where it goes, instead of the cache folder
cargo xtask cluster status       its nodes and pods
cargo xtask cluster load ARCHIVE images of `docker save` onto every node
cargo xtask cluster delete       ends it
Without a wish the node image is a released one of kind where it is there or can be
pulled, else our own. It takes about 40 s and 700 MB of memory once the image is there.";

const LINT: &str = "\
cargo xtask lint                 all checks
cargo xtask lint NAME…           some: format, files, patches, dependencies, go, protos,
                                 generated, clippy
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
or, for a scenario on a real cluster (minutes each; a sample has none of them),
  # caught-by: cargo xtask e2e SCENARIO
whose cluster stays for the next (cargo xtask cluster delete --name push-manager-e2e),
where it helps, `# says: WORDS` that the failure must hold (a sick cluster fails anything),
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

const E2E: &str = "\
cargo xtask e2e [FILTER…] [--filter TEXT] [--keep | --keep-cluster]
                [--dev] [--own-node-image] [--captured]
cargo xtask e2e --part 1/N --seed TEXT     one scenario in N, and always the first pushes
cargo xtask e2e --kubeconfig FILE [--load COMMAND]
cargo xtask e2e --list
Builds images and tests, has kind make a cluster of one control plane and two
workers, loads the images, installs the operator's chart, and runs the scenarios of
tests/e2e one after another, each in a namespace of its own with an etcd of its own,
with pushes and WebSockets from outside the cluster. The hosts are kindest/node
where that can be had, else an image built here from Debian's packages and Go
modules. It needs a container engine: Docker, or `cargo xtask engine start`.
What was there when a scenario failed is in target/e2e/NAMESPACE.
  --keep        leaves the cluster, and the namespaces of failed scenarios; the next
                run uses it. `cargo xtask cluster delete --name push-manager-e2e`
  --keep-cluster   leaves the cluster alone
  --captured    tells nothing of a scenario until it fails
  --dev         tests programs that are compiled faster
  --kubeconfig  runs in that cluster, as its administrator. COMMAND gets each image's
                archive, such as `minikube image load`. E2E_HOST names a host of it
                that is reached from here, E2E_ETCD_IMAGE an image of etcd";

const README: &str = "\
cargo xtask readme
Types the commands of the README's section on Kubernetes into a shell, as they are
written there, then its pushes, and sees them arrive. Makes a cluster of its own,
named push-manager-readme (by KIND_CLUSTER_NAME), and deletes it, whether the run went
well or not. It needs a container engine: Docker, or `cargo xtask engine start`.";

const COMPOSE: &str = "\
cargo xtask compose [--dev]
Builds the images, also of etcd and Prometheus, starts the system of compose.yaml
with them, pushes through both managers to WebSockets at all three nodes, asks
Prometheus for both, runs the server's image alone as the README says, and takes
everything down. It needs a container engine: Docker, or `cargo xtask engine start`.";

const IMAGES: &str = "\
cargo xtask images [NAME…] [--load] [--dev] [--twice]
Builds push-manager, push-manager-operator and push-manager-reference (a
Connect-Node and a Controller) as static programs, and an image of each in
target/images, as archives for `docker load` and `kind load image-archive`; needs
no container engine and pulls nothing, but Linux and glibc's static library (Debian:
libc6-dev). They are tagged latest, the version, and by their content.
  --load        gives them to Docker
  --dev         compiles faster, for trying things
  --twice       builds all once more from a copy of the sources in another folder, and
                fails unless the archives are the same to the byte
`docker build --target push-manager .` builds the same programs inside containers,
into an image with the same user, ports and labels, though not the same bytes.";

const PICTURES: &str = "\
cargo xtask pictures
Builds the release pushtop and draws docs/pictures/*.svg anew from docs/demo.pmrec.
A test compares them with what the program draws.";

const CI: &str = "\
cargo xtask ci
What a submission must pass: lint, the programs that ship, test, bench (the short
one), mutants (three); then in containers: compose.yaml, the README's way to Kubernetes,
and scenarios on a real cluster (one in three). The commit chooses which mutants and
scenarios. Where no container engine answers, one of our own runs meanwhile, which
needs root on Linux. `.ci/run` installs what a bare Debian machine lacks and then
calls this.";

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
        Some("engine") => ENGINE,
        Some("node-image") => NODE_IMAGE,
        Some("cluster") => CLUSTER,
        Some("lint") => LINT,
        Some("generate") => GENERATE,
        Some("mutants") => MUTANTS,
        Some("bench") => BENCH,
        Some("compose") => COMPOSE,
        Some("e2e") => E2E,
        Some("readme") => README,
        Some("images") => IMAGES,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_of_ci_is_told() {
        let told = CI.replace('\n', " ");
        let titles = include_str!("ci.rs").split("\"ci: ").skip(1);
        let titles: Vec<_> = titles.filter_map(|rest| rest.split('"').next()).collect();
        assert!(titles.len() > 5, "{titles:?}");
        for title in titles {
            assert!(told.contains(title), "{title}");
        }
    }
}
