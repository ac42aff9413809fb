"""What is under deploy/, by tools of others: Helm's own library lints and renders the chart, what comes of it is held against
the schemas of Kubernetes, and the compose file against the Compose Specification. The settings that both hand over are read
by the program. Each of them is also shown something broken, which it must refuse.

Arguments: the folder deploy/ and the binary. Prints how much was checked; ends with an error at the first thing that is wrong.
"""

import copy
import os
import pathlib
import subprocess
import sys
import tempfile

import compose_spec
import helm_python
import kubernetes_validate
import yaml

# The oldest that Chart.yaml takes, and the newest whose schemas are here.
KUBERNETES = ["1.27", kubernetes_validate.latest_version()]
NAMESPACE = "shops"
SECRETS = {
    "RINGUP__STORE__URL": "postgres://ringup:password@db.example/ringup?sslmode=require",
    "RINGUP__STORE__ENCRYPTION_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    "RINGUP__BOOTSTRAP__KEY": "an-operator-key-of-some-length",
}

# Values that the chart must refuse, each put over the small example; and why.
REFUSED = [
    ({"image": {"repository": ""}}, "no image"),
    ({"secret": {"name": ""}}, "no Secret"),
    ({"replicas": 0}, "no nodes"),
    ({"replica": 3}, "a misspelt value"),
    ({"settings": {"store.url": "postgres://ringup:password@db.example/ringup"}}, "a secret among the settings"),
    ({"settings": {"server.listen": "127.0.0.1:1"}}, "a setting that the chart makes itself"),
    ({"storage": {"size": "much"}}, "a size that is none"),
]

checked = 0


def hold(what, is_so, why=""):
    global checked
    if not is_so:
        sys.exit(f"{what}: {why}" if why else what)
    checked += 1


def refuses(what, call, error):
    try:
        call()
    except error:
        hold(what, True)
    else:
        sys.exit(f"{what}: it is not refused")


def over(values, more):
    values = copy.deepcopy(values)
    for name, value in more.items():
        is_part = isinstance(value, dict) and isinstance(values.get(name), dict)
        values[name] = over(values[name], value) if is_part else value
    return values


def rendered(chart, values):
    files = chart.render(values, name="shop", namespace=NAMESPACE)
    manifests = {name: text for name, text in files.items() if name.endswith(".yaml")}
    return [one for text in manifests.values() for one in yaml.safe_load_all(text) if one]


def valid(manifest):
    for version in KUBERNETES:
        kubernetes_validate.validate(manifest, version, strict=True)


def accepted(what, binary, variables):
    """The program takes these variables as its configuration: it knows each, and each value is one."""
    with tempfile.TemporaryDirectory() as folder:
        for name in [name for name in variables if name.endswith("_FILE")]:
            path = pathlib.Path(folder, name)
            path.write_text(SECRETS[name.removesuffix("_FILE")] + "\n")
            variables = variables | {name: str(path)}
        plain = {name: value for name, value in os.environ.items() if not name.startswith("RINGUP")}
        shown = subprocess.run([binary, "config", "show"], env=plain | variables, capture_output=True, text=True, cwd=folder)
        return shown.returncode == 0, shown.stderr


def container(manifests):
    [found] = [one for one in manifests if one["kind"] == "StatefulSet"]
    [one] = found["spec"]["template"]["spec"]["containers"]
    return one


def variables_of(manifests):
    named = {}
    for variable in container(manifests)["env"]:
        from_secret = "valueFrom" in variable
        named[variable["name"]] = SECRETS[variable["name"]] if from_secret else variable["value"]
    return named


def chart(deploy, binary):
    path = deploy / "helm/ringup"
    examples = {file.stem: yaml.safe_load(file.read_text()) for file in (deploy / "helm/examples").glob("*.yaml")}
    hold("examples of values", len(examples) == 2, f"{sorted(examples)}")
    loaded = helm_python.Chart.load(path)
    for name, values in examples.items():
        report = helm_python.lint(path, values, strict=True, namespace=NAMESPACE)
        worst = [one for one in report["messages"] if one["severity"] >= 2]
        hold(f"helm lint with {name}", not worst and not report["errors"], f"{worst} {report['errors']}")
        manifests = rendered(loaded, values)
        kinds = sorted(one["kind"] for one in manifests)
        hold(f"kinds with {name}", kinds == ["PodDisruptionBudget", "Service", "Service", "StatefulSet"], f"{kinds}")
        for manifest in manifests:
            valid(manifest)
            hold(f"{manifest['kind']} with {name}", True)
        is_taken, said = accepted(name, binary, variables_of(manifests))
        hold(f"settings of the pods with {name}", is_taken, said)
        pod = next(one for one in manifests if one["kind"] == "StatefulSet")["spec"]["template"]["spec"]
        settings = values.get("settings", {})
        grace = int(settings.get("server.shutdown_grace", "30s").removesuffix("s"))
        merged = loaded.merge_values(values)
        needed = grace + merged["preStopSeconds"]
        hold(f"time to stop with {name}", pod["terminationGracePeriodSeconds"] > needed, f"more than {needed} s is needed")

    small = examples["small"]
    for more, why in REFUSED:
        values = over(small, more)
        refuses(f"the chart with {why}", lambda: loaded.render(values, name="shop"), helm_python.HelmError)
    unnamed = over(small, {"settings": {"delivery.no_such_setting": 1}})
    is_taken, _ = accepted("a setting that there is not", binary, variables_of(rendered(loaded, unnamed)))
    hold("a setting that there is not is refused by the program", not is_taken)
    broken = copy.deepcopy(next(one for one in rendered(loaded, small) if one["kind"] == "StatefulSet"))
    broken["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    refuses("a misspelt probe", lambda: valid(broken), kubernetes_validate.ValidationError)
    with tempfile.TemporaryDirectory() as folder:
        copied = pathlib.Path(folder, "ringup")
        loaded.save_dir(folder)
        (copied / "templates/service.yaml").write_text("kind: Service\nmetadata:\n  name: {{ .Values.no.such.value }}\n")
        report = helm_python.lint(copied, small, strict=True)
        hold("a broken template is found", any(one["severity"] >= 2 for one in report["messages"]) or report["errors"])


def compose(deploy, binary):
    text = (deploy / "compose.yaml").read_text()
    options = compose_spec.PyOptions(apply_merge=True)
    options.from_yaml(text)
    hold("compose.yaml keeps to the specification", True)
    misspelt = text.replace("stop_grace_period", "stop_grace_periods")
    refuses("a misspelt key of compose.yaml", lambda: options.from_yaml(misspelt), Exception)
    whole = yaml.safe_load(text)
    nodes = {name: one for name, one in whole["services"].items() if name != "postgres"}
    hold("nodes", len(nodes) == 2, f"{sorted(nodes)}")
    folders = set()
    for name, node in nodes.items():
        is_taken, said = accepted(name, binary, node["environment"])
        hold(f"settings of {name}", is_taken, said)
        folders.update(node["volumes"])
        for variable, path in node["environment"].items():
            if variable.endswith("_FILE"):
                hold(f"{variable} of {name}", path.removeprefix("/run/secrets/") in node["secrets"], f"{path} is not there")
    hold("each node has a data folder of its own", len(folders) == len(nodes), f"{folders}")
    hold("the database is waited for", "healthcheck" in whole["services"]["postgres"])
    for secret in whole["secrets"]:
        hold(f"{secret} is told of", f"secrets/{secret}" in (deploy / "README.md").read_text())


def main():
    deploy, binary = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
    chart(deploy, binary)
    compose(deploy, binary)
    print(f"{checked} checks of the chart and the compose file")


main()
