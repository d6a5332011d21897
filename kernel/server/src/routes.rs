//! Every address that the server answers, in the order in which they are tried.

use actix_web::{Either, HttpRequest, HttpResponse, http::Method, web};
use aether_protocol::Error;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    health, openapi,
    problem::Problem,
    rest::{
        agents, channels, events, files, finding, identity, mind, processes, snapshots, system, terminals,
        transfer, trash, uploads, watching,
    },
    sse,
    state::State,
    ws,
};

/// Registers every route. Only what carries an OpenAPI description can be registered here, so that the
/// document cannot fall behind.
pub(crate) fn documented(routes: &mut ServiceConfig<'_>) {
    // The list that clients ask for most often is tried first.
    routes.service(processes::list).service(ws::upgrade).service(system::status);
    routes
        .service(processes::spawn)
        .service(processes::get)
        .service(processes::steps)
        .service(processes::signal)
        .service(processes::set_priority)
        .service(processes::pause)
        .service(processes::resume)
        .service(processes::extend)
        .service(processes::message)
        .service(processes::quotas)
        .service(processes::set_quota);
    routes
        .service(agents::list)
        .service(agents::get)
        .service(agents::lives)
        .service(agents::remove)
        .service(agents::roles);
    routes
        .service(identity::door)
        .service(identity::setup)
        .service(identity::login)
        .service(identity::logout)
        .service(identity::whoami)
        .service(identity::sessions)
        .service(identity::revoke);
    routes.service(system::doctor).service(system::gc).service(mind::models);
    routes
        .service(transfer::download)
        .service(transfer::upload)
        .service(transfer::append)
        .service(files::remove)
        .service(files::list)
        .service(files::mkdir)
        .service(files::stat)
        .service(files::rename)
        .service(files::copy);
    routes
        .service(finding::search)
        .service(finding::usage)
        .service(finding::archive)
        .service(watching::watch)
        .service(trash::trash)
        .service(trash::list)
        .service(trash::empty)
        .service(trash::restore)
        .service(uploads::abilities)
        .service(uploads::begin)
        .service(uploads::list)
        .service(uploads::progress)
        .service(uploads::append)
        .service(uploads::give_up);
    routes
        .service(channels::list)
        .service(channels::create)
        .service(channels::get)
        .service(channels::remove)
        .service(channels::members)
        .service(channels::join)
        .service(channels::leave)
        .service(channels::read)
        .service(channels::post)
        .service(channels::ack)
        .service(channels::send)
        .service(channels::peers);
    routes
        .service(snapshots::list)
        .service(snapshots::take)
        .service(snapshots::import)
        .service(snapshots::archive)
        .service(snapshots::verify)
        .service(snapshots::restore)
        .service(snapshots::get)
        .service(snapshots::remove);
    routes
        .service(terminals::list)
        .service(terminals::open)
        .service(terminals::resize)
        .service(terminals::record)
        .service(terminals::stop_recording)
        .service(terminals::close);
    routes.service(events::list).service(sse::stream);
    routes.service(openapi::serve).service(health::healthz).service(health::readyz);
}

/// Registers every route with actix.
pub(crate) fn register(config: &mut web::ServiceConfig) {
    config.app_data(web::PathConfig::default().error_handler(|error, _| {
        Problem::from(Error::invalid(format!("The address does not fit: {error}"))).into()
    }));
    documented(&mut ServiceConfig::new(config));
}

/// What no route took: a file of the web desktop, a wrong method, or nothing.
pub(crate) async fn nothing_here(
    request: HttpRequest,
    state: web::Data<State>,
) -> Either<HttpResponse, Result<HttpResponse, Problem>> {
    let path = request.path();
    let allowed = state.routes.get_or_init(openapi::RouteTable::new).methods_at(path);
    if !allowed.is_empty() {
        return Either::Right(Err(Problem::method_not_allowed(
            request.method().as_str(),
            path,
            allowed.join(", "),
        )));
    }
    if path.starts_with("/api/") {
        return Either::Right(Err(Problem::no_such_address(path)));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let problem = Problem::method_not_allowed(request.method().as_str(), path, "GET, HEAD".to_owned());
        return Either::Right(Err(problem));
    }
    match state.desktop.serve(&request).await {
        Some(response) => Either::Left(response),
        None => Either::Right(Err(Problem::no_such_address(path))),
    }
}
