//! The whole deployment as a user starts it, driven by the real `puppet agent` and by ours. One binary: the scenarios
//! take turns, because they measure time and cut connections.

mod adopting;
mod agents;
mod audit_record;
mod browser;
mod catalog_workers;
mod client_verify;
mod command_line;
mod config_import;
mod deployment;
mod enrolment_load;
mod failing_over;
mod firewall;
mod first_session;
mod hosts;
mod http;
mod large_catalogs;
mod long_headers;
mod made_by_hand;
mod new_key;
mod primary_lost;
mod reloading;
mod revoking;
mod rolling_over;
mod side_by_side;
mod starting;
mod status_page;
mod torture;
mod two_front_ends;
