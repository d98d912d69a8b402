//! The Lease on a real API server, which keeps Leases as the one of `coordination.k8s.io` does.

use std::time::Duration;

use promoter_controller::lease::{Lease, LeasePlace};

use crate::server::Server;

/// Far longer than anything here takes, and shorter than a Lease that nobody gives back runs out.
const SOON: Duration = Duration::from_secs(12);

#[test]
fn one_of_two_works_and_the_other_when_it_ends() {
    let Some(server) = Server::start() else { return };
    server.define_open("coordination.k8s.io", "leases", "Lease");
    let kubeconfig = server.kubeconfig();
    let stand = |name: &str| {
        let place: LeasePlace = "checks/promoter-controller".parse().unwrap();
        Lease::stand_for(place, Some(kubeconfig.clone()), name.into()).unwrap()
    };
    let one = stand("one");
    assert!(one.wait(SOON), "nobody else is there");
    let two = stand("two");
    // The first renews meanwhile.
    assert!(!two.wait(Duration::from_secs(5)) && one.is_held());
    drop(one);
    assert!(two.wait(SOON), "it was given back");
}

#[test]
fn a_place_has_a_namespace_and_a_name() {
    let place = |text: &str| text.parse::<LeasePlace>();
    assert!(place("promoter/promoter-controller").is_ok());
    for wrong in ["promoter", "/a", "a/", "a/b/c", "A/b"] {
        assert_eq!(place(wrong).unwrap_err(), format!("`{wrong}` is not of the form NAMESPACE/NAME"));
    }
}
