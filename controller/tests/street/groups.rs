//! Groups of apps: one freight, one proposal, one commit, one rollback; and what becomes of apps that come and go, of parts
//! that a hand changed, and of parts that do not render.

use promoter_controller::pass::{Controller, Pass};
use promoter_core::pipeline::Layout;
use promoter_core::record::RequestAction;
use promoter_core::{Fault, Hold, PromotionLock, Render};
use promoter_render::{Cluster, Limits, Parameters, answer};
use promoter_testkit::texts_below;

use super::world::{World, active, at, events, lines, name, next};

const LAYOUTS: [Layout; 2] = [Layout::Branches, Layout::Folders];
const ENVIRONMENTS: [&str; 3] = ["dev", "staging", "prod"];
const BOTH: [&str; 2] = ["api", "web"];

/// The example of a group, in one layout.
struct Group {
    world: World,
    layout: Layout,
}

/// The pipeline of the example with these apps; without any, that of one app at `source`.
fn pipeline(layout: Layout, apps: &[&str]) -> String {
    let files = texts_below("examples/shop");
    let text = &files.iter().find(|(path, _)| path == "promoter.yaml").unwrap().1;
    let text = text.replace("apps: [api, web]", &format!("apps: [{}]", apps.join(", ")));
    match layout {
        Layout::Branches => text,
        Layout::Folders => text.replace("layout: branches", "layout: folders"),
    }
}

impl Group {
    /// The example with these apps, and with the directories of `there`.
    fn new(layout: Layout, apps: &[&str], there: &[&str]) -> Self {
        let files = texts_below("examples/shop").into_iter();
        let is_there = |path: &str| there.iter().any(|it| path.starts_with(&format!("{it}/")));
        let files: Vec<(String, String)> = files
            .filter(|(path, _)| path == "promoter.yaml" || is_there(path))
            .map(|(path, text)| {
                let text = if path == "promoter.yaml" { pipeline(layout, apps) } else { text };
                (format!("shop/{path}"), text)
            })
            .collect();
        Self { world: World::of(&files), layout }
    }

    /// Writes the pipeline with other apps, and the directories of apps that are new.
    fn with(&self, apps: &[&str], new: &[&str]) {
        let mut files = vec![("shop/promoter.yaml".to_owned(), pipeline(self.layout, apps))];
        for (path, text) in texts_below("examples/shop") {
            if new.iter().any(|it| path.starts_with(&format!("{it}/"))) {
                files.push((format!("shop/{path}"), text));
            }
        }
        self.world.commit_all(&files);
    }

    /// Gives an app another image.
    fn edit(&self, app: &str, image: &str) {
        let path = format!("shop/{app}/base/deployment.yaml");
        let text = self.world.text("main", &path);
        let line = text.lines().find(|it| it.contains("image:")).unwrap();
        let text = text.replace(line, &format!("          image: {image}"));
        self.world.repo.commit("main", &[(&path, &text)]);
    }

    /// The branch of an environment, and the folder of an app there: what its Application names.
    fn place(&self, environment: &str, app: &str) -> (String, String) {
        match self.layout {
            Layout::Branches => (active(environment), format!("shop/{app}")),
            Layout::Folders => ("main".into(), format!("shop/{app}/envs/{environment}")),
        }
    }

    fn lock_path(&self, environment: &str, app: &str) -> String {
        format!("{}/promotion.lock.yaml", self.place(environment, app).1)
    }

    fn lock_text(&self, environment: &str, app: &str) -> String {
        self.world.text(&self.place(environment, app).0, &self.lock_path(environment, app))
    }

    fn has(&self, environment: &str, app: &str) -> bool {
        let branch = self.place(environment, app).0;
        self.world.repo.id(&format!("{branch}:{}", self.lock_path(environment, app))).is_some()
    }

    fn lock(&self, environment: &str, app: &str) -> PromotionLock {
        PromotionLock::parse(&self.lock_text(environment, app), "lock").unwrap()
    }

    /// The alias of what all apps of an environment run; `-` when none has a lock.
    fn runs(&self, environment: &str, apps: &[&str]) -> String {
        let has: Vec<bool> = apps.iter().map(|it| self.has(environment, it)).collect();
        if !has.contains(&true) {
            return "-".into();
        }
        let locks: Vec<PromotionLock> = apps.iter().map(|it| self.lock(environment, it)).collect();
        for lock in &locks {
            assert_eq!(locks[0].differs_from(lock), None);
        }
        locks[0].freight.id().alias()
    }

    /// What the plugin answers for the Application of an app.
    fn served(&self, environment: &str, app: &str) -> String {
        let (branch, folder) = self.place(environment, app);
        let repository = self.world.open(&self.world.repo.url(), "argocd");
        let head = self.world.repo.id(&branch).unwrap().parse().unwrap();
        let tree = repository.cache.tree(&head, "").unwrap();
        let (cluster, limits) = (Cluster::default(), Limits::default());
        let answer = answer(&tree, &folder, &Parameters::default(), &cluster, &limits, &repository);
        answer.unwrap().to_yaml().unwrap()
    }

    /// The commits that changed what an environment runs: merges and holds.
    fn commits(&self, environment: &str) -> usize {
        let (branch, _) = self.place(environment, "api");
        let paths = BOTH.map(|it| self.lock_path(environment, it));
        let log = ["log", "--first-parent", "--format=%H", &branch, "--", &paths[0], &paths[1]];
        self.world.repo.git(&log).lines().count()
    }

    /// Approves what prod waits for.
    fn to_prod(&self, controller: &mut Controller) {
        self.world.approve("prod");
        self.world.settle(controller);
    }
}

/// The only finding.
fn finding(pass: &Pass) -> String {
    let [finding] = pass.findings.as_slice() else { panic!("{:#?}", pass.findings) };
    assert_eq!(finding.fault, Fault::Input, "{finding}");
    finding.to_string()
}

#[test]
fn a_group_moves_as_one_from_nothing_to_prod_and_back() {
    for layout in LAYOUTS {
        let group = Group::new(layout, &BOTH, &BOTH);
        let world = &group.world;
        let mut controller = world.controller();
        world.settle(&mut controller);
        let first = group.runs("dev", &BOTH);
        assert_eq!(ENVIRONMENTS.map(|it| group.runs(it, &BOTH)), [first.clone(), first.clone(), "-".into()]);
        group.to_prod(&mut controller);
        assert_eq!(ENVIRONMENTS.map(|it| group.runs(it, &BOTH)), [&*first; 3]);
        for (environment, replicas) in ENVIRONMENTS.iter().zip(1..) {
            assert_eq!(group.commits(environment), 1, "{layout:?} {environment}: one commit for all apps");
            for app in BOTH {
                let served = group.served(environment, app);
                for word in [
                    format!("namespace: {environment}\n"),
                    format!("replicas: {replicas}\n"),
                    format!("image: ghcr.io/acme/{app}:1.0\n"),
                ] {
                    assert!(served.contains(&word), "{layout:?} {environment}: {served}");
                }
                let source = format!("shop/{app}/envs/{environment}");
                assert_eq!(group.lock(environment, app).render.source, source);
            }
        }
        let old = BOTH.map(|it| group.served("prod", it));

        // One app changes, and both move.
        group.edit("web", "ghcr.io/acme/web:2.0");
        world.settle(&mut controller);
        group.to_prod(&mut controller);
        let second = group.runs("prod", &BOTH);
        assert_ne!(second, first);
        assert_eq!(group.commits("prod"), 2);
        assert_eq!(group.served("prod", "api"), old[0]);
        assert!(group.served("prod", "web").contains("web:2.0"));

        // A rollback brings both back, in one commit, and holds both.
        world.roll_back("prod");
        world.settle(&mut controller);
        assert_eq!(group.runs("prod", &BOTH), first);
        assert_eq!(BOTH.map(|it| group.served("prod", it)), old);
        assert_eq!(group.commits("prod"), 3);
        for app in BOTH {
            assert_eq!(group.lock("prod", app).hold.unwrap().reason, "INC-42", "{app}");
        }
        // So do a release and a hold of its own.
        world.hold("prod", None).unwrap();
        assert_eq!(group.commits("prod"), 4);
        world.hold("prod", Some("a demo")).unwrap();
        assert_eq!(group.commits("prod"), 5);
        assert_eq!(group.runs("prod", &BOTH), first);
        assert_eq!(BOTH.map(|it| group.lock("prod", it).hold.unwrap().reason), ["a demo"; 2]);
        world.settle(&mut controller);
        world.repo.fsck();
    }
}

#[test]
fn a_part_that_does_not_render_stops_the_group_by_name() {
    for layout in LAYOUTS {
        let group = Group::new(layout, &BOTH, &BOTH);
        let world = &group.world;
        let mut controller = world.controller();
        world.settle(&mut controller);
        let (path, sound) =
            ("shop/web/envs/prod/kustomization.yaml", "shop/web/envs/prod/kustomization.yaml");
        let sound = world.text("main", sound);
        let bad = world.repo.commit("main", &[(path, "resources: [../../base, missing.yaml]\n")]);
        let pass = world.pass(&mut controller);
        let said = finding(&pass);
        assert!(said.starts_with("app `web`: ") && said.contains("missing.yaml"), "{said}");
        let line = lines(&pass).remove(0);
        assert!(line.contains("prod does not render: app `web`: "), "{line}");
        world.repo.commit("main", &[(path, &sound)]);
        world.settle(&mut controller);

        // Freight that is there all the same is refused, and nothing of it is written: not the part that renders either.
        let setting = format!("config={bad}").parse().unwrap();
        let (id, _) = world.person("ada").create_freight(None, &[setting], world.now()).unwrap();
        let prod = name("prod");
        let (mut ada, now) = (world.person("ada"), world.now());
        ada.request(&at(&prod), RequestAction::Hotfix, Some(id.hex()), "INC-43", now).unwrap();
        let before = world.repo.id(&format!("{}-next/shop", active("prod")));
        let pass = world.pass(&mut controller);
        assert!(finding(&pass).starts_with("app `web`: "), "{:?}", pass.findings);
        let pass = world.pass(&mut controller);
        let line = next(&lines(&pass), "prod");
        assert!(line.contains("does not render: app `web`: "), "{line}");
        assert_eq!(world.repo.id(&format!("{}-next/shop", active("prod"))), before);
        assert_eq!(group.runs("prod", &BOTH), "-");
    }
}

#[test]
fn a_part_that_a_hand_changed_stops_the_environment_until_it_is_mended() {
    for layout in LAYOUTS {
        let group = Group::new(layout, &BOTH, &BOTH);
        let world = &group.world;
        let mut controller = world.controller();
        world.settle(&mut controller);
        let first = group.lock("dev", "web").freight;
        group.edit("api", "ghcr.io/acme/api:2.0");
        world.settle(&mut controller);
        let (branch, path) = (group.place("dev", "web").0, group.lock_path("dev", "web"));
        for what in ["freight", "hold"] {
            let sound = group.lock_text("dev", "web");
            let mut changed = group.lock("dev", "web");
            match what {
                "freight" => changed.freight = first.clone(),
                _ => changed.hold = Some(Hold { reason: "mine".into(), by: "bob".into(), at: None }),
            }
            let changed = changed.emit();
            let by_hand = world.repo.commit(&branch, &[(&path, &changed)]);
            group.edit("api", &format!("ghcr.io/acme/api:{what}"));
            for _ in 0..2 {
                let pass = world.pass(&mut controller);
                let said = finding(&pass);
                let words = format!(
                    "`{}` and `{path}` differ in `{what}` on `{branch}`",
                    group.lock_path("dev", "api")
                );
                assert!(said.contains(&words) && said.contains("lock-apps-differ"), "{said}");
                let line = next(&lines(&pass), "dev");
                assert!(line.contains("could not be read"), "{line}");
            }
            assert!(world.hold("dev", Some("no")).is_err(), "who asks is told");
            if layout == Layout::Branches {
                assert_eq!(world.repo.id(&branch), Some(by_hand), "nothing is written over it");
            }
            // Mended, it goes on.
            world.repo.commit(&branch, &[(&path, &sound)]);
            world.settle(&mut controller);
            assert!(group.served("dev", "api").contains(&format!("api:{what}")));
        }
        // The same edit in every part is a person's word, as for one app.
        let files: Vec<(String, String)> = BOTH
            .iter()
            .map(|app| {
                let lock = PromotionLock { freight: first.clone(), ..group.lock("dev", app) };
                let render = Render { digest: None, engine: None, ..lock.render.clone() };
                (group.lock_path("dev", app), PromotionLock { render, ..lock }.emit())
            })
            .collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (&**path, &**text)).collect();
        world.repo.commit(&branch, &files);
        let pass = world.pass(&mut controller);
        assert_eq!(pass.findings, [], "{:?}", events(&pass));
    }
}

/// The directory of the app was there before, so that the freight that runs has it.
#[test]
fn an_app_that_was_there_comes_in_with_the_freight_that_runs() {
    for layout in LAYOUTS {
        let group = Group::new(layout, &["web"], &BOTH);
        let world = &group.world;
        let mut controller = world.controller();
        world.settle(&mut controller);
        group.to_prod(&mut controller);
        let first = group.runs("prod", &["web"]);
        let before = ENVIRONMENTS.map(|it| (group.lock_text(it, "web"), group.served(it, "web")));
        let folder = |environment: &str| {
            let (branch, folder) = group.place(environment, "web");
            world.repo.id(&format!("{branch}:{folder}"))
        };
        let folders = ENVIRONMENTS.map(folder);
        world.hold("prod", Some("a demo")).unwrap();
        let held = (group.lock_text("prod", "web"), folder("prod"));
        // It comes first, so that the lock of the environment is another part's.
        group.with(&["api", "web"], &[]);
        let said = world.settle(&mut controller);
        assert_eq!([group.has("dev", "api"), group.has("prod", "api")], [true, false], "{said:#?}");
        assert!(said.contains(&"prod: has no api yet".to_owned()), "{said:#?}");
        assert_eq!((group.lock_text("prod", "web"), folder("prod")), held, "a hold holds");
        world.hold("prod", None).unwrap();
        world.settle(&mut controller);
        assert_eq!(ENVIRONMENTS.map(|it| group.runs(it, &BOTH)), [&*first; 3]);
        for (environment, (before, folder_before)) in ENVIRONMENTS.iter().zip(before.iter().zip(folders)) {
            let now = (group.lock_text(environment, "web"), group.served(environment, "web"));
            assert_eq!(now, *before, "{environment}: what was there stays, and so does its stay");
            assert_eq!(folder(environment), folder_before, "{environment}: to the byte");
            assert!(group.served(environment, "api").contains("image: ghcr.io/acme/api:1.0"));
        }
        assert_eq!(group.commits("dev"), 2, "one commit");
        world.repo.fsck();

        // Taken out of the group, its folder goes with the next proposal.
        group.with(&["web"], &[]);
        let said = world.settle(&mut controller);
        assert!(said.iter().any(|it| it.starts_with("dev: has ") && it.contains("of no app")), "{said:#?}");
        assert!(group.has("dev", "api"));
        let (branch, place) = group.place("dev", "api");
        group.edit("web", "ghcr.io/acme/web:2.0");
        world.settle(&mut controller);
        assert!(!group.has("dev", "api") && !group.has("staging", "api"));
        assert!(group.has("prod", "api"), "prod waits for an approval");
        if layout == Layout::Branches {
            assert_eq!(
                world.repo.id(&format!("{branch}:{place}")),
                None,
                "with all that lay beside the lock"
            );
        }
        group.to_prod(&mut controller);
        assert!(!group.has("prod", "api"));
        assert!(group.served("prod", "web").contains("web:2.0"));
        world.repo.fsck();
    }
}

/// The directory comes with the commit that adds the app: it is in new freight only.
#[test]
fn an_app_that_is_new_comes_in_with_new_freight_and_goes_with_a_rollback() {
    for layout in LAYOUTS {
        let group = Group::new(layout, &["api"], &["api"]);
        let world = &group.world;
        let mut controller = world.controller();
        world.settle(&mut controller);
        group.to_prod(&mut controller);
        let first = group.runs("prod", &["api"]);
        let old = group.served("prod", "api");
        group.with(&BOTH, &["web"]);
        let said = world.settle(&mut controller);
        let second = group.runs("dev", &BOTH);
        assert_ne!(second, first);
        assert_eq!(group.runs("staging", &BOTH), second);
        assert_eq!((group.runs("prod", &["api"]), group.has("prod", "web")), (first.clone(), false));
        assert!(!said.iter().any(|it| it.contains("has no")), "it is not in that freight: {said:#?}");
        group.to_prod(&mut controller);
        assert_eq!(group.runs("prod", &BOTH), second);

        world.roll_back("prod");
        world.settle(&mut controller);
        assert_eq!((group.runs("prod", &["api"]), group.has("prod", "web")), (first, false));
        assert_eq!(group.served("prod", "api"), old, "the same bytes");
        world.hold("prod", None).unwrap();
        group.edit("api", "ghcr.io/acme/api:2.0");
        world.settle(&mut controller);
        group.to_prod(&mut controller);
        assert_eq!(group.runs("prod", &BOTH), group.runs("dev", &BOTH));
        world.repo.fsck();
    }
}

#[test]
fn a_pipeline_becomes_a_group_and_goes_on_with_what_it_runs() {
    let group = Group::new(Layout::Branches, &BOTH, &BOTH);
    let world = &group.world;
    let alone = pipeline(Layout::Branches, &[]).replace("  apps: []\n", "").replace("{app}/", "api/");
    world.repo.commit("main", &[("shop/promoter.yaml", &alone)]);
    let mut controller = world.controller();
    world.settle(&mut controller);
    group.to_prod(&mut controller);
    let lock = |environment: &str| world.text(&active(environment), "shop/promotion.lock.yaml");
    let first = PromotionLock::parse(&lock("prod"), "lock").unwrap().freight.id().alias();
    world.hold("prod", Some("a demo")).unwrap();

    group.with(&BOTH, &[]);
    world.settle(&mut controller);
    assert_eq!([group.runs("dev", &BOTH), group.runs("staging", &BOTH)], [&*first; 2]);
    assert_eq!(world.repo.git(&["ls-tree", "--name-only", &format!("{}:shop", active("dev"))]), "api\nweb");
    assert!(lock("prod").contains("a demo"), "a hold holds");
    world.hold("prod", None).unwrap();
    world.settle(&mut controller);
    assert_eq!(group.runs("prod", &BOTH), first);

    // And back.
    world.repo.commit("main", &[("shop/promoter.yaml", &alone)]);
    world.settle(&mut controller);
    for environment in ENVIRONMENTS {
        let files = world.repo.git(&["ls-tree", "--name-only", &format!("{}:shop", active(environment))]);
        assert_eq!(files, "README.md\nhydrator.metadata\nmanifest.yaml\npromotion.lock.yaml");
        assert_eq!(PromotionLock::parse(&lock(environment), "lock").unwrap().freight.id().alias(), first);
    }
    world.repo.fsck();
}
