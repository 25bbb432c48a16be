#include "server/routes/routes.h"

#include "server/routes/handlers.h"

namespace muster::server {

namespace {

using enum Method;
using P = Permission;

// One row a route. tests/server compares this table with server/openapi.json.
constexpr Route kRoutes[] = {
    open_route<get_console>(Get, "/"),
    open_route<get_livez>(Get, "/livez"),
    open_route<get_readyz>(Get, "/readyz"),
    open_route<get_version>(Get, "/version"),
    open_route<get_openapi>(Get, "/openapi.json"),
    route<P::Query, get_metrics>(Get, "/metrics").in(Lane::Watch),

    route<P::Query, get_schema>(Get, "/v1/schema").light(),
    route<P::Define, put_schema>(Put, "/v1/schema"),
    route<P::Query, get_derive>(Get, "/v1/schema/derive"),
    route<P::Define, post_derive>(Post, "/v1/schema/derive"),
    route<P::Define, delete_derive>(Delete, "/v1/schema/derive"),
    route<P::Query, get_catalog>(Get, "/v1/catalog"),

    route<P::Ingest, post_profiles>(Post, "/v1/profiles").bulk(),
    route<P::Ingest, post_events>(Post, "/v1/events").bulk(),
    route<P::Ingest, post_userinfo>(Post, "/v1/userinfo/{source}").bulk(),
    route<P::Ingest, post_entities>(Post, "/v1/entities/{table}").bulk(),
    route<P::Query, get_rejected>(Get, "/v1/rejected"),

    sdk_route<post_identify>("/v1/identify"),
    sdk_route<post_track>("/v1/track"),
    sdk_route<post_page>("/v1/page"),
    sdk_route<post_screen>("/v1/screen"),
    sdk_route<post_group>("/v1/group"),
    sdk_route<post_alias>("/v1/alias"),
    sdk_route<post_batch>("/v1/batch"),
    sdk_route<post_batch>("/v1/import"),

    route<P::Members, get_profile>(Get, "/v1/profiles/{id}").light().about_a_person(),
    route<P::Members, get_profile_by>(Get, "/v1/profiles/by/{identifier}/{value}").light(),
    route<P::Define, delete_profile>(Delete, "/v1/profiles/{id}").about_a_person(),
    route<P::Define, get_erasure>(Get, "/v1/profiles/{id}/erasure").about_a_person(),
    route<P::Define, get_erasures>(Get, "/v1/erasures"),

    route<P::Query, post_check>(Post, "/v1/check"),
    route<P::Query, post_count>(Post, "/v1/count"),
    route<P::Members, post_members>(Post, "/v1/members").in(Lane::Work),
    route<P::Members, post_explain>(Post, "/v1/explain"),
    route<P::Query, post_plan>(Post, "/v1/plan"),
    route<P::Query, post_breakdown>(Post, "/v1/breakdown"),
    route<P::Query, post_overlap>(Post, "/v1/overlap"),

    route<P::Query, get_segments>(Get, "/v1/segments"),
    route<P::Query, get_segment>(Get, "/v1/segments/{id}").light(),
    route<P::Define, put_segment>(Put, "/v1/segments/{id}"),
    route<P::Define, delete_segment>(Delete, "/v1/segments/{id}"),
    route<P::Query, get_segment_count>(Get, "/v1/segments/{id}/count"),
    route<P::Members, get_segment_members>(Get, "/v1/segments/{id}/members").in(Lane::Work),
    route<P::Query, get_segment_versions>(Get, "/v1/segments/{id}/versions"),
    route<P::Query, get_segment_live>(Get, "/v1/segments/{id}/live").in(Lane::Watch),
    route<P::Members, get_segment_changes>(Get, "/v1/segments/{id}/changes").in(Lane::Follow),
    route<P::Query, get_segment_history>(Get, "/v1/segments/{id}/history"),
    route<P::Members, get_changes>(Get, "/v1/changes").in(Lane::Follow),
    route<P::Query, get_live>(Get, "/v1/live").in(Lane::Watch),

    route<P::Query, get_traits>(Get, "/v1/traits"),
    route<P::Query, get_trait>(Get, "/v1/traits/{id}").light(),
    route<P::Define, put_trait>(Put, "/v1/traits/{id}"),
    route<P::Define, delete_trait>(Delete, "/v1/traits/{id}"),
    route<P::Query, get_trait_versions>(Get, "/v1/traits/{id}/versions"),

    route<P::Query, get_lists>(Get, "/v1/lists"),
    route<P::Query, get_list>(Get, "/v1/lists/{id}"),
    route<P::Define, put_list>(Put, "/v1/lists/{id}").bulk(),
    route<P::Define, delete_list>(Delete, "/v1/lists/{id}"),

    route<P::Admin, get_keys>(Get, "/v1/keys"),
    route<P::Admin, post_keys>(Post, "/v1/keys"),
    route<P::Admin, delete_key>(Delete, "/v1/keys/{id}"),
    route<P::Admin, get_audit>(Get, "/v1/audit"),
    route<P::Admin, post_checkpoint>(Post, "/v1/checkpoint"),
    route<P::Admin, post_compact>(Post, "/v1/compact"),
    route<P::Admin, get_encryption>(Get, "/v1/encryption"),
    route<P::Admin, post_rotate>(Post, "/v1/encryption/rotate"),

    route<P::Activate, get_destinations>(Get, "/v1/destinations"),
    route<P::Activate, get_destination>(Get, "/v1/destinations/{id}"),
    route<P::Activate, get_destination_status>(Get, "/v1/destinations/{id}/status"),
    route<P::Activate, put_destination>(Put, "/v1/destinations/{id}"),
    route<P::Activate, delete_destination>(Delete, "/v1/destinations/{id}"),

    route<P::Activate, get_syncs>(Get, "/v1/syncs"),
    route<P::Activate, get_sync>(Get, "/v1/syncs/{id}"),
    route<P::Activate, put_sync>(Put, "/v1/syncs/{id}"),
    route<P::Activate, delete_sync>(Delete, "/v1/syncs/{id}"),
    route<P::Activate, post_sync_run>(Post, "/v1/syncs/{id}/run"),
    route<P::Activate, post_sync_resync>(Post, "/v1/syncs/{id}/resync"),
    route<P::Activate, post_sync_cancel>(Post, "/v1/syncs/{id}/cancel"),
    route<P::Activate, get_sync_preview>(Get, "/v1/syncs/{id}/preview"),
    route<P::Activate, get_sync_live>(Get, "/v1/syncs/{id}/live").in(Lane::Watch),
    route<P::Activate, post_sync_pause>(Post, "/v1/syncs/{id}/pause"),
    route<P::Activate, post_sync_resume>(Post, "/v1/syncs/{id}/resume"),
    route<P::Activate, get_sync_runs>(Get, "/v1/syncs/{id}/runs"),
    route<P::Activate, get_sync_ledger>(Get, "/v1/syncs/{id}/ledger"),
    route<P::Activate, get_sync_person>(Get, "/v1/syncs/{id}/ledger/{profile}"),
    route<P::Activate, get_dead_letters>(Get, "/v1/syncs/{id}/dead-letters"),
    route<P::Activate, post_render>(Post, "/v1/syncs/{id}/render"),
    route<P::Activate, get_recipes>(Get, "/v1/recipes"),
    route<P::Activate, get_recipe>(Get, "/v1/recipes/{name}"),
    route<P::Activate, post_replay>(Post, "/v1/syncs/{id}/dead-letters/replay"),
    route<P::Activate, get_sync_split>(Get, "/v1/syncs/{id}/split"),
    route<P::Activate, get_sync_lift>(Get, "/v1/syncs/{id}/lift"),
    route<P::Activate, get_holdout>(Get, "/v1/holdout"),
    route<P::Activate, put_holdout>(Put, "/v1/holdout"),
    route<P::Activate, get_jobs>(Get, "/v1/jobs"),
    route<P::Activate, get_job>(Get, "/v1/jobs/{id}"),
};

}  // namespace

std::span<const Route> all_routes() { return kRoutes; }

}  // namespace muster::server
