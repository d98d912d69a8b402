//! The trees that are measured, made anew for each run: an app of ten objects, and a repository around it.

use std::path::Path;

use anyhow::Result;

/// The app's folder in the repository.
pub(crate) const APP: &str = "apps/shop";

/// The folder of the single ConfigMap.
pub(crate) const ONE: &str = "one";

/// Writes a kustomization with one ConfigMap.
pub(crate) fn write_one(root: &Path) -> Result<()> {
    write(root, &format!("{ONE}/kustomization.yaml"), "resources: [map.yaml]\n")?;
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: one\ndata:\n  a: b\n";
    write(root, &format!("{ONE}/map.yaml"), map)
}

/// Writes a base of ten objects and an overlay with namespace, images, replicas and a patch.
pub(crate) fn write_app(root: &Path) -> Result<()> {
    let mut resources = String::new();
    for number in 0..4 {
        let deployment = format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web-{number}\nspec:\n  replicas: 1\n  selector:\n    \
             matchLabels:\n      app: web-{number}\n  template:\n    metadata:\n      labels:\n        app: web-{number}\n    \
             spec:\n      containers:\n      - name: web\n        image: ghcr.io/acme/web:1.0.0\n        ports:\n        \
             - containerPort: 8080\n        env:\n        - name: MODE\n          value: base\n"
        );
        let service = format!(
            "apiVersion: v1\nkind: Service\nmetadata:\n  name: web-{number}\nspec:\n  selector:\n    app: web-{number}\n  \
             ports:\n  - port: 80\n    targetPort: 8080\n"
        );
        write(root, &format!("{APP}/base/deployment-{number}.yaml"), &deployment)?;
        write(root, &format!("{APP}/base/service-{number}.yaml"), &service)?;
        resources.push_str(&format!("- deployment-{number}.yaml\n- service-{number}.yaml\n"));
    }
    let generator = "configMapGenerator:\n- name: settings\n  literals: [MODE=base, LEVEL=info]\n";
    write(
        root,
        &format!("{APP}/base/kustomization.yaml"),
        &format!("resources:\n{resources}- account.yaml\n{generator}"),
    )?;
    let account = "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: web\n";
    write(root, &format!("{APP}/base/account.yaml"), account)?;
    let overlay = "resources: [../../base]\nnamespace: prod\nimages:\n- name: ghcr.io/acme/web\n  newTag: 1.4.2\nreplicas:\n\
                   - name: web-0\n  count: 3\npatches:\n- patch: |-\n    apiVersion: apps/v1\n    kind: Deployment\n    \
                   metadata:\n      name: web-1\n    spec:\n      template:\n        spec:\n          containers:\n          \
                   - name: web\n            env:\n            - name: MODE\n              value: prod\n";
    write(root, &format!("{APP}/envs/prod/kustomization.yaml"), overlay)
}

/// Writes other apps' files until the repository has `files` of them with about `bytes` in all.
pub(crate) fn write_neighbours(root: &Path, files: usize, bytes: usize) -> Result<()> {
    let each = bytes / files;
    for number in 0..files {
        let mut text = format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: n{number}\ndata:\n");
        let mut line = 0;
        while text.len() < each {
            text.push_str(&format!("  key-{line}: \"value {} of file {number}\"\n", line * 7919 % 1009));
            line += 1;
        }
        write(root, &format!("apps/n{:03}/f{:02}.yaml", number / 25, number % 25), &text)?;
    }
    Ok(())
}

/// Writes one file below a root, with its directories.
pub(crate) fn write(root: &Path, path: &str, text: &str) -> Result<()> {
    let path = root.join(path);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    Ok(std::fs::write(path, text)?)
}
