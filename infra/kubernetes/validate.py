"""Validates manifests against the schemas of Kubernetes, and refuses unknown fields: `python validate.py <file>`.

Needs kubernetes-validate (infra/lint-tools.txt). Kinds that other projects define are left to the tests, which have the
schemas for them.
"""

import sys
from pathlib import Path

import kubernetes_validate
import yaml

# The oldest and the newest release that the manifests support.
VERSIONS = ("1.30", "1.37")
OF_OTHERS = ("keda.sh/", "gateway.networking.k8s.io/")


def main(file: str) -> int:
    faults = validated = 0
    for manifest in yaml.safe_load_all(Path(file).read_text("utf8")):
        if manifest["apiVersion"].startswith(OF_OTHERS):
            continue
        name = f"{manifest['kind']} {manifest['metadata']['name']}"
        for version in VERSIONS:
            validated += 1
            try:
                kubernetes_validate.validate(manifest, version, strict=True)
            except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as fault:
                faults += 1
                print(f"{name}, Kubernetes {version}: {fault.message}", file=sys.stderr)
    print(f"{validated} validated, {faults} faults")
    return 1 if faults or not validated else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
