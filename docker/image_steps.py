"""Test the steps of docker/Dockerfile and CHM's services in docker-compose.yml without Docker: `make image-steps`.

1. Run the steps of the Dockerfile as a user who is not root. A temporary folder replaces the folder / of the container.
   The steps get only those environment variables of the caller that pip needs to reach the package index.
2. Run the commands of migrate, readers, web, worker and beat, and the health checks of the last three. They get secrets
   from make-secrets.sh. PostgreSQL has the settings of start.sh and 10-roles.sh, and Redis has a password.

This does not test the base image, the creation of the user, the isolation of containers, nginx, Grafana and Metabase.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

import psycopg
import yaml

from chm_project.dashboards import expand

DOCKER = Path(__file__).resolve().parent
REPOSITORY = DOCKER.parent
POSTGRESQL_PROGRAMS = Path("/usr/lib/postgresql/15/bin")
UID = 10001
# In commands, these paths of the image are replaced by paths in the temporary folder.
IMAGE_PATHS = re.compile(r"(?<![\w./-])/(opt/venv|app|tmp|run/secrets|var/lib/metrics)(?=[/\s\"':]|$)")
# The environment variables that pip needs to reach the package index.
INDEX_VARIABLES = re.compile(r"PIP_\w+|(https?|no)_proxy|SSL_CERT_FILE|REQUESTS_CA_BUNDLE", re.IGNORECASE)


class SimulatedContainer:
    """A container without Docker: the folder `root` replaces /. Commands run with the image's user and environment."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment = {
            "PATH": f"{root}/usr/bin:/usr/bin:/bin",
            "HOME": str(root / "tmp"),
            "LANG": "C.UTF-8",
            "PIP_QUIET": "1",
            "LD_LIBRARY_PATH": f"{root}/usr/lib",  # needed if Python was built as a shared library
        }
        self.environment |= {name: value for name, value in os.environ.items() if INDEX_VARIABLES.fullmatch(name)}
        self.folder = root
        self.user: dict[str, Any] = (
            {"user": UID, "group": UID, "extra_groups": [], "umask": 0o022} if os.getuid() == 0 else {"umask": 0o022}
        )
        self.command: list[str] = []
        self.health: list[str] = []
        for folder_name in ("app", "data", "opt", "tmp", "usr/bin", "var/lib/metrics"):
            (root / folder_name).mkdir(parents=True)
        # Copy the running Python, which replaces the Python of the base image. Do not copy its site-packages, because
        # with them the steps would also work if the lock file lacked a package.
        ignored_names = shutil.ignore_patterns("test", "site-packages", "__pycache__", "share", "*.a")
        shutil.copytree(sys.base_prefix, root / "usr", dirs_exist_ok=True, symlinks=True, ignore=ignored_names)
        if not (root / "usr/bin/python").exists():
            (root / "usr/bin/python").symlink_to(f"python3.{sys.version_info.minor}")
        self.change_owner(root)

    def change_owner(self, path: Path, uid: int = UID) -> None:
        if os.getuid() == 0:
            for inner in (path, *path.rglob("*")):
                os.chown(inner, uid, uid, follow_symlinks=False)

    def replace_image_paths(self, text: str) -> str:
        return IMAGE_PATHS.sub(rf"{self.root}/\1", text)

    def shell(self, command: str) -> None:
        self.run(["sh", "-ec", command])

    def run(self, command: Sequence[str], **environment: str) -> None:
        status = self.start(command, **environment).wait()
        if status:
            sys.exit(f"Status {status}: {' '.join(command)}")

    def start(self, command: Sequence[str], **environment: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - the repository's own command lines
            [self.replace_image_paths(word) for word in command],
            cwd=self.folder,
            env=self.environment | {name: self.replace_image_paths(value) for name, value in environment.items()},
            # With a new process group, stopping_at_end() can also kill the children of the process.
            start_new_session=True,
            **self.user,
        )


def build(container: SimulatedContainer) -> None:
    """Run the steps of the Dockerfile in the container's folder, and check what the image would contain."""
    for instruction, arguments in instructions((DOCKER / "Dockerfile").read_text()):
        print_step(f"{instruction} {arguments}")
        if instruction == "ENV":
            for variable, value in re.findall(r"(\w+)=(\S+)", arguments):
                container.environment[variable] = container.replace_image_paths(value).replace(
                    "$PATH", container.environment["PATH"]
                )
        elif instruction == "WORKDIR":
            container.folder = Path(container.replace_image_paths(arguments))
        elif instruction == "COPY" and arguments.startswith("--from=build"):
            print_step("  not executed: both stages are this one folder")
        elif instruction == "COPY":
            copy_from_repository(container, arguments.split()[:-1])
        elif instruction == "RUN" and arguments.startswith("groupadd"):
            print_step(f"  not executed: the steps run as user {container.user.get('user', os.getuid())}")
        elif instruction == "RUN":
            container.shell(arguments)
        elif instruction == "USER" and arguments.split(":")[0] in {"0", "root"}:
            sys.exit("The image runs as root.")
        elif instruction == "HEALTHCHECK":
            container.health = json.loads(arguments.partition("CMD")[2])
        elif instruction == "CMD":
            container.command = json.loads(arguments)
    files = [
        path for folder_name in ("app", "opt") for path in (container.root / folder_name).rglob("*") if path.is_file()
    ]
    for path in files:
        inner = path.relative_to(container.root)
        # Tests, secrets and the git history must not be in the image.
        if inner.parts[0] == "app" and {"tests", "secrets", ".env", ".git"} & set(inner.parts):
            sys.exit(f"{inner} must not be in the image.")
    print_step(f"the image adds {sum(path.stat().st_size for path in files) / 2**20:.0f} MB to its base")


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Yield the name and the arguments of each instruction of a Dockerfile, such as COPY and "manage.py ./"."""
    # First remove comments, and then join continued lines: there can be a comment between two of these lines.
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        name, _, arguments = line.partition(" ")
        yield name, " ".join(arguments.split())


def copy_from_repository(container: SimulatedContainer, names: list[str]) -> None:
    """Copy these files of the repository, except those that Dockerfile.dockerignore excludes."""
    git_output = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=REPOSITORY,  # noqa: S607
                                capture_output=True, text=True, check=True).stdout  # fmt: skip
    patterns = (DOCKER / "Dockerfile.dockerignore").read_text().splitlines()
    for name in git_output.splitlines():
        if (names == ["."] or name in names) and not is_ignored(name, patterns):
            target = container.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(REPOSITORY / name, target)
    container.change_owner(container.folder)


def is_ignored(name: str, patterns: list[str]) -> bool:
    """Return whether the patterns exclude the file. The last pattern that matches the file or its folders decides."""
    paths = [str(path) for path in (PurePosixPath(name), *PurePosixPath(name).parents) if str(path) != "."]
    is_excluded = False
    for pattern in patterns:
        if not pattern or pattern.startswith("#"):
            continue
        glob = pattern.removeprefix("!")
        matches = (
            any(fnmatch(PurePosixPath(path).name, glob[3:]) for path in paths)
            if glob.startswith("**/")
            else any(fnmatch(path, glob) and path.count("/") == glob.count("/") for path in paths)
        )
        if matches:
            is_excluded = not pattern.startswith("!")
    return is_excluded


@contextmanager
def postgresql(container: SimulatedContainer, port: int) -> Iterator[None]:
    """Run PostgreSQL with the settings of start.sh and the roles of 10-roles.sh. Stop it at the end."""
    secrets, folder = container.root / "run/secrets", container.root / "postgresql"
    folder.mkdir()
    server_user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
    for name, mode in (("postgres_key", 0o600), ("postgres_cert", 0o644), ("postgres_password", 0o600)):
        shutil.copyfile(secrets / name, folder / name)
        (folder / name).chmod(mode)
    if os.getuid() == 0:
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, "postgres", "postgres")

    def run_program(name: str, *arguments: str) -> None:
        subprocess.run(  # type: ignore[call-overload]  # noqa: S603
            [POSTGRESQL_PROGRAMS / name, *arguments], cwd="/", check=True, stdout=subprocess.DEVNULL, **server_user
        )

    run_program("initdb", "-D", f"{folder}/data", "-U", "postgres", "-A", "scram-sha-256", "-E", "UTF8",
            f"--pwfile={folder}/postgres_password")  # fmt: skip
    run_program("pg_ctl", "-D", f"{folder}/data", "-l", f"{folder}/log", "-w", "start", "-o",
            f"-p {port} -c listen_addresses=127.0.0.1 -k {folder} -c ssl=on"
            f" -c ssl_cert_file={folder}/postgres_cert -c ssl_key_file={folder}/postgres_key")  # fmt: skip
    try:
        subprocess.run(  # noqa: S603
            ["sh", DOCKER / "postgres" / "10-roles.sh"],  # noqa: S607
            env={"PATH": os.environ["PATH"], "CHM_SECRETS": str(secrets), "PGHOST": "127.0.0.1", "PGPORT": str(port),
                 "PGPASSWORD": (secrets / "postgres_password").read_text().strip()},
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        yield
    finally:
        run_program("pg_ctl", "-D", f"{folder}/data", "-m", "immediate", "stop")


@contextmanager
def stopping_at_end(name: str, process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Stop the process at the end of the block, and kill it if it does not end within 30 s."""
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            print_step(f"{name} did not end by itself")
        with suppress(ProcessLookupError):
            # Kill children that outlived their parent.
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        print_step(f"{name} ended with status {process.returncode}")


def serve(container: SimulatedContainer) -> None:
    """Run CHM's services, wait until they are healthy, and check the login page and the roles."""
    services = yaml.safe_load((DOCKER / "docker-compose.yml").read_text())["services"]
    secrets = container.root / "run/secrets"
    subprocess.run(["sh", DOCKER / "make-secrets.sh", secrets], check=True)  # noqa: S603, S607
    # make-secrets.sh lets only the owner open the folder. In a container each file is mounted separately.
    secrets.chmod(0o755)
    ports = {name: free_port() for name in ("postgres", "redis", "web")}
    for path in secrets.glob("*_url"):
        # Only Docker can resolve the names of services, so replace them by 127.0.0.1.
        text = path.read_text().replace("@postgres:5432", f"@127.0.0.1:{ports['postgres']}")
        path.chmod(0o644)
        path.write_text(container.replace_image_paths(text.replace("@redis:6379", f"@127.0.0.1:{ports['redis']}")))

    def environment(service: str) -> dict[str, str]:
        variables = {name: with_default_values(value) for name, value in services[service]["environment"].items()}
        return variables | {"CHM_PORT": str(ports["web"])}

    def run_to_end(service: str) -> None:
        print_step(f"{service}: {' '.join(services[service]['command'])}")
        # In a compose file, $$ stands for $.
        command = [word.replace("$$", "$") for word in services[service]["command"]]
        container.run([container.replace_image_paths(word) for word in command], **environment(service))

    with ExitStack() as stack:
        print_step("PostgreSQL 15 with TLS and the roles of 10-roles.sh")
        stack.enter_context(postgresql(container, ports["postgres"]))
        print_step("Redis with a password, by compose's command")
        redis_command = [word.replace("$$", "$") for word in services["redis"]["command"]]
        redis_command[-1] = redis_command[-1].replace("dir /data", f"dir {container.root}/data\\nport {ports['redis']}")
        stack.enter_context(stopping_at_end("redis", container.start(redis_command)))
        run_to_end("migrate")
        run_to_end("readers")
        print_step("load_synthetic: the data set is in the image")
        container.run(["python", "manage.py", "load_synthetic", "--end", "now"], **environment("web"))
        stack.enter_context(stopping_at_end("web", container.start(container.command, **environment("web"))))
        for service in ("worker", "beat"):
            process = container.start(services[service]["command"], **environment(service))
            stack.enter_context(stopping_at_end(service, process))
        wait_until_healthy(container, "web", container.health, environment("web"))
        for service in ("worker", "beat"):
            wait_until_healthy(container, service, services[service]["healthcheck"]["test"][1:], environment(service))
        check_pages(ports["web"])
        check_roles(secrets, ports["postgres"])


def with_default_values(value: Any) -> str:
    """Return the value with each ${NAME:-DEFAULT} replaced by DEFAULT."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(value))


def wait_until_healthy(
    container: SimulatedContainer, service: str, command: list[str], environment: Mapping[str, str]
) -> None:
    """Run the health check until it succeeds; exit after 60 s."""
    start = time.monotonic()
    while time.monotonic() - start < 60:
        with open(os.devnull, "wb") as null_file:  # noqa: PTH123
            completed = subprocess.run(  # noqa: S603
                [container.replace_image_paths(word) for word in command],
                cwd=container.folder,
                check=False,
                env=container.environment | {k: container.replace_image_paths(v) for k, v in environment.items()},
                stdout=null_file,
                stderr=null_file,
                **container.user,
            )
        if completed.returncode == 0:
            print_step(f"{service} is healthy after {time.monotonic() - start:.1f} s: {' '.join(command)}")
            return
        time.sleep(0.5)
    sys.exit(f"{service} did not become healthy.")


def check_pages(port: int) -> None:
    """Check that the login page and its style sheets are served."""
    page = get_page(port, "/admin/login/")
    style_sheets = re.findall(rb'href="(/static/[^"]+\.css)"', page)
    if not style_sheets or b"csrfmiddlewaretoken" not in page:
        sys.exit("The login page lacks its style sheets or its form.")
    for style_sheet in style_sheets:
        get_page(port, style_sheet.decode())
    print_step(f"/admin/login/ and its {len(style_sheets)} style sheets are served")


def get_page(port: int, path: str) -> bytes:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Host": "localhost"})
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
        return bytes(response.read())


def check_roles(secrets: Path, port: int) -> None:
    """Check that each reading role connects with TLS, can run the queries of its boards, and can do nothing else."""
    for role in ("grafana_reader", "metabase_reader"):
        password = (secrets / f"{role}_password").read_text().strip()
        ca_file = str(secrets / "postgres_ca")
        with psycopg.connect(
            host="127.0.0.1",
            port=port,
            dbname="chm",
            user=role,
            password=password,
            autocommit=True,
            sslmode="verify-full",
            sslrootcert=ca_file,
        ) as connection:
            pipeline_count = connection.execute("SELECT count(*) FROM reporting.pipelines").fetchone()
            # A reading role must not read tables or create objects.
            for forbidden_statement in ("SELECT count(*) FROM public.runs", "CREATE TABLE reporting.mine (x int)"):
                try:
                    connection.execute(forbidden_statement)
                except psycopg.Error:
                    continue
                sys.exit(f"{role} may: {forbidden_statement}")
            print_step(f"{role} sees {pipeline_count and pipeline_count[0]} pipelines, over TLS, and no table")
            run_board_queries(connection, role)
        try:
            psycopg.connect(host="127.0.0.1", port=port, dbname="metabase_app", user=role, password=password).close()
        except psycopg.OperationalError:
            continue
        sys.exit(f"{role} may connect to metabase_app.")
    password = (secrets / "chm_password").read_text().strip()
    with psycopg.connect(host="127.0.0.1", port=port, dbname="chm", user="chm", password=password) as connection:
        # CHM's role owns its database and must have no other rights.
        row = connection.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = 'chm'"
        ).fetchone()
        if row != (False, False, False):
            sys.exit("chm has more rights than to own its database.")


def run_board_queries(connection: psycopg.Connection[Any], role: str) -> None:
    """Run every query of the role's boards, with the filters that a board has when a user opens it."""
    now, queries = datetime.now(UTC), list[tuple[str, Any]]()
    if role == "grafana_reader":
        for path in (DOCKER / "grafana" / "dashboards").glob("*.json"):
            board = json.loads(path.read_text())
            for panel in board["panels"]:
                sql = expand.expand_for_grafana(panel["targets"][0]["rawSql"], board, now - timedelta(days=7), now, {})
                queries.append((sql, None))
    else:
        content = json.loads((DOCKER / "metabase" / "boards.json").read_text())
        for card in (*content["models"], *content["questions"]):
            queries.append(expand.expand_for_metabase(card["sql"], card.get("tags", {}), {}))
    query_seconds, row_count = [], 0
    for sql, values in queries:
        start = time.monotonic()
        row_count += len(connection.execute(sql, values).fetchall())
        query_seconds.append(time.monotonic() - start)
    print_step(
        f"{role} runs {len(queries)} queries: {row_count} rows, the slowest in {max(query_seconds) * 1000:.0f} ms"
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def print_step(text: str) -> None:
    sys.stdout.write(f"[{time.monotonic() - START_TIME:5.1f} s] {text}\n")
    sys.stdout.flush()


START_TIME = time.monotonic()


def main() -> None:
    if not (POSTGRESQL_PROGRAMS / "postgres").exists() or not shutil.which("redis-server"):
        sys.exit("This needs postgresql-15 and redis-server (Debian's packages).")
    # The folder is not in /tmp, because replace_image_paths() replaces /tmp in commands.
    with tempfile.TemporaryDirectory(prefix="chm-image-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        container = SimulatedContainer(Path(folder) / "root")
        build(container)
        if os.getuid() == 0:
            # In the image, root owns these folders, so that CHM's user cannot write to them.
            for folder_name in ("app", "opt"):
                container.change_owner(container.root / folder_name, 0)
        serve(container)
    print_step("all steps done")


if __name__ == "__main__":
    main()
