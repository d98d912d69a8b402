//! The entries of `helmCharts`, of its older form, and `helmGlobals`.

use promoter_yaml::Node;

use super::reader::Reader;
use crate::error::Result;

/// `helmGlobals`.
#[derive(Debug, Clone, Default)]
pub(crate) struct HelmGlobals {
    /// Directory of unpacked charts, empty for `charts`.
    pub(crate) chart_home: String,
    /// Directory of helm's own files.
    pub(crate) config_home: String,
}

impl HelmGlobals {
    pub(crate) fn read(reader: Reader<'_>, node: &Node) -> Result<Self> {
        let mut this = Self::default();
        reader.object(node, &["chartHome", "configHome"], |field, value| {
            match field {
                "chartHome" => this.chart_home = reader.string(value)?,
                _ => this.config_home = reader.string(value)?,
            }
            Ok(())
        })?;
        Ok(this)
    }

    /// What `later` says, over this.
    pub(super) fn or(self, later: &Self) -> Self {
        let pick = |old: String, new: &String| if new.is_empty() { old } else { new.clone() };
        Self {
            chart_home: pick(self.chart_home, &later.chart_home),
            config_home: pick(self.config_home, &later.config_home),
        }
    }
}

/// One entry of `helmCharts`.
#[derive(Debug, Clone, Default)]
pub(crate) struct HelmChart {
    /// The line of the entry.
    pub(crate) line: u32,
    /// Chart name.
    pub(crate) name: String,
    /// Version.
    pub(crate) version: String,
    /// Repository.
    pub(crate) repo: String,
    /// Release name.
    pub(crate) release_name: String,
    /// Release namespace.
    pub(crate) namespace: String,
    /// `--name-template`.
    pub(crate) name_template: String,
    /// A values file in place of the chart's own.
    pub(crate) values_file: String,
    /// More values files.
    pub(crate) additional_values_files: Vec<String>,
    /// Values.
    pub(crate) values_inline: Option<Node>,
    /// `override`, `merge` or `replace`: how `values_inline` meets the values file.
    pub(crate) values_merge: String,
    /// Renders CRDs too.
    pub(crate) include_crds: bool,
    /// Leaves hooks out.
    pub(crate) skip_hooks: bool,
    /// `--api-versions`.
    pub(crate) api_versions: Vec<String>,
    /// `--kube-version`.
    pub(crate) kube_version: String,
    /// Leaves tests out.
    pub(crate) skip_tests: bool,
}

const CHART_FIELDS: &[&str] = &[
    "name",
    "version",
    "repo",
    "releaseName",
    "namespace",
    "additionalValuesFiles",
    "valuesFile",
    "valuesInline",
    "valuesMerge",
    "includeCRDs",
    "skipHooks",
    "apiVersions",
    "kubeVersion",
    "nameTemplate",
    "skipTests",
    "debug",
    "devel",
];

const OLD_CHART_FIELDS: &[&str] = &[
    "chartName",
    "chartVersion",
    "chartRepoUrl",
    "chartHome",
    "chartRepoName",
    "helmBin",
    "helmHome",
    "values",
    "valuesLocal",
    "valuesMerge",
    "releaseName",
    "releaseNamespace",
    "extraArgs",
];

impl HelmChart {
    pub(crate) fn read(reader: Reader<'_>, node: &Node) -> Result<Self> {
        let mut this = Self { line: node.mark.line, ..Self::default() };
        reader.object(node, CHART_FIELDS, |field, value| {
            match field {
                "name" => this.name = reader.string(value)?,
                "version" => this.version = reader.string(value)?,
                "repo" => this.repo = reader.string(value)?,
                "releaseName" => this.release_name = reader.string(value)?,
                "namespace" => this.namespace = reader.string(value)?,
                "additionalValuesFiles" => this.additional_values_files = reader.strings(value)?,
                "valuesFile" => this.values_file = reader.string(value)?,
                "valuesInline" => this.values_inline = Some(value.clone()),
                "valuesMerge" => this.values_merge = reader.string(value)?,
                "includeCRDs" => this.include_crds = reader.bool(value)?,
                "skipHooks" => this.skip_hooks = reader.bool(value)?,
                "apiVersions" => this.api_versions = reader.strings(value)?,
                "kubeVersion" => this.kube_version = reader.string(value)?,
                "nameTemplate" => this.name_template = reader.string(value)?,
                "skipTests" => this.skip_tests = reader.bool(value)?,
                // How helm talks and which versions it may pick; neither changes what an exact version renders.
                _ => drop(reader.bool(value)?),
            }
            Ok(())
        })?;
        Ok(this)
    }

    /// An entry of `helmChartInflationGenerator`, the older form, with the globals it carries.
    pub(super) fn read_old(reader: Reader<'_>, node: &Node) -> Result<(Self, HelmGlobals)> {
        let mut this = Self { line: node.mark.line, ..Self::default() };
        let mut globals = HelmGlobals::default();
        reader.object(node, OLD_CHART_FIELDS, |field, value| {
            match field {
                "chartName" => this.name = reader.string(value)?,
                "chartVersion" => this.version = reader.string(value)?,
                "chartRepoUrl" => this.repo = reader.string(value)?,
                "chartHome" => globals.chart_home = reader.string(value)?,
                "helmHome" => globals.config_home = reader.string(value)?,
                "values" => this.values_file = reader.string(value)?,
                "valuesLocal" => this.values_inline = Some(value.clone()),
                "valuesMerge" => this.values_merge = reader.string(value)?,
                "releaseName" => this.release_name = reader.string(value)?,
                "extraArgs" => drop(reader.strings(value)?),
                // kustomize itself drops these when it turns the entry into the present form.
                _ => drop(reader.string(value)?),
            }
            Ok(())
        })?;
        Ok((this, globals))
    }
}
