//! The generators of one kustomization: its fields first, then its plugin files.

use crate::accumulate::{Shared, Target};
use crate::error::Result;
use crate::generate::{Kind, generate, helm};
use crate::kustomization::HelmChart;
use crate::plugin::plugin_origin;
use crate::resmap::ResMap;
use crate::resource::Resource;

impl Target<'_> {
    /// Adds what the generators make to `resources`, by each one's behaviour.
    pub(crate) fn run_generators(&self, resources: &mut ResMap, shared: &mut Shared<'_>) -> Result<()> {
        let k = &self.kustomization;
        let mut all = Vec::new();
        let kinds = [(Kind::ConfigMap, &k.config_maps), (Kind::Secret, &k.secrets)];
        for (kind, args) in kinds.into_iter().flat_map(|(kind, list)| list.iter().map(move |it| (kind, it))) {
            let general = k.generator_options.as_ref();
            let mut made = generate(kind, args, general, &self.loader, &k.file)?;
            made.origin = shared.track_origin.then(|| self.origin_by_builtin(kind.plugin()));
            all.push(made);
        }
        for chart in &k.helm_charts {
            let mut made = self.chart_resources(chart, shared)?;
            let origin = shared.track_origin.then(|| self.origin_by_builtin("HelmChartInflationGenerator"));
            made.iter_mut().for_each(|it| it.origin.clone_from(&origin));
            all.extend(made);
        }
        for plugin in self.plugins(&k.generators, shared)? {
            let mut made = self.plugin_resources(&plugin, shared)?;
            let origin = plugin_origin(&plugin);
            made.iter_mut().filter(|it| it.origin.is_none()).for_each(|it| it.origin.clone_from(&origin));
            all.extend(made);
        }
        resources.absorb_all(all)
    }

    fn chart_resources(&self, chart: &HelmChart, shared: &Shared<'_>) -> Result<Vec<Resource>> {
        let k = &self.kustomization;
        let mut chart = chart.clone();
        if chart.namespace.is_empty() {
            let outer = if k.namespace.is_empty() { &self.helm_namespace } else { &k.namespace };
            chart.namespace.clone_from(outer);
        }
        helm::generate(&chart, &k.helm_globals, &self.loader, &k.file, shared)
    }
}
