// Every handler, by resource; routes.cpp lists them with their addresses.
//
// Thread safety: any thread.
#pragma once

#include "server/http/router.h"

namespace muster::server {

using QueryPass = Pass<Permission::Query>;
using MembersPass = Pass<Permission::Members>;
using IngestPass = Pass<Permission::Ingest>;
using DefinePass = Pass<Permission::Define>;
using ActivatePass = Pass<Permission::Activate>;
using AdminPass = Pass<Permission::Admin>;

// health.cpp
Result<Response> get_livez(const Call& call);
Result<Response> get_readyz(const Call& call);
Result<Response> get_version(const Call& call);
Result<Response> get_openapi(const Call& call);
Result<Response> get_console(const Call& call);
Result<Response> get_metrics(const Call& call, const QueryPass& pass);

// schema.cpp
Result<Response> get_schema(const Call& call, const QueryPass& pass);
Result<Response> put_schema(const Call& call, const DefinePass& pass);
Result<Response> get_catalog(const Call& call, const QueryPass& pass);

// derive.cpp
Result<Response> get_derive(const Call& call, const QueryPass& pass);
Result<Response> post_derive(const Call& call, const DefinePass& pass);
Result<Response> delete_derive(const Call& call, const DefinePass& pass);

// ingest.cpp
Result<Response> post_profiles(const Call& call, const IngestPass& pass);
Result<Response> post_events(const Call& call, const IngestPass& pass);
Result<Response> post_userinfo(const Call& call, const IngestPass& pass);
Result<Response> post_entities(const Call& call, const IngestPass& pass);
Result<Response> get_rejected(const Call& call, const QueryPass& pass);

// sdk_calls.cpp
Result<Response> post_identify(const Call& call);
Result<Response> post_track(const Call& call);
Result<Response> post_page(const Call& call);
Result<Response> post_screen(const Call& call);
Result<Response> post_group(const Call& call);
Result<Response> post_alias(const Call& call);
Result<Response> post_batch(const Call& call);

// profiles.cpp
Result<Response> get_profile(const Call& call, const MembersPass& pass);
Result<Response> get_profile_by(const Call& call, const MembersPass& pass);
Result<Response> delete_profile(const Call& call, const DefinePass& pass);
Result<Response> get_erasure(const Call& call, const DefinePass& pass);
Result<Response> get_erasures(const Call& call, const DefinePass& pass);

// questions.cpp
Result<Response> post_check(const Call& call, const QueryPass& pass);
Result<Response> post_count(const Call& call, const QueryPass& pass);
Result<Response> post_explain(const Call& call, const MembersPass& pass);
Result<Response> post_plan(const Call& call, const QueryPass& pass);

// comparisons.cpp
Result<Response> post_breakdown(const Call& call, const QueryPass& pass);
Result<Response> post_overlap(const Call& call, const QueryPass& pass);

// members.cpp
Result<Response> post_members(const Call& call, const MembersPass& pass);

// segments.cpp
Result<Response> get_segments(const Call& call, const QueryPass& pass);
Result<Response> get_segment(const Call& call, const QueryPass& pass);
Result<Response> put_segment(const Call& call, const DefinePass& pass);
Result<Response> delete_segment(const Call& call, const DefinePass& pass);
Result<Response> get_segment_count(const Call& call, const QueryPass& pass);
Result<Response> get_segment_members(const Call& call, const MembersPass& pass);
Result<Response> get_segment_versions(const Call& call, const QueryPass& pass);

// live.cpp
Result<Response> get_segment_live(const Call& call, const QueryPass& pass);
Result<Response> get_segment_changes(const Call& call, const MembersPass& pass);
Result<Response> get_segment_history(const Call& call, const QueryPass& pass);
Result<Response> get_changes(const Call& call, const MembersPass& pass);
Result<Response> get_live(const Call& call, const QueryPass& pass);

// traits.cpp
Result<Response> get_traits(const Call& call, const QueryPass& pass);
Result<Response> get_trait(const Call& call, const QueryPass& pass);
Result<Response> put_trait(const Call& call, const DefinePass& pass);
Result<Response> delete_trait(const Call& call, const DefinePass& pass);
Result<Response> get_trait_versions(const Call& call, const QueryPass& pass);

// lists.cpp
Result<Response> get_lists(const Call& call, const QueryPass& pass);
Result<Response> get_list(const Call& call, const QueryPass& pass);
Result<Response> put_list(const Call& call, const DefinePass& pass);
Result<Response> delete_list(const Call& call, const DefinePass& pass);

// keys.cpp, audit.cpp
Result<Response> get_keys(const Call& call, const AdminPass& pass);
Result<Response> post_keys(const Call& call, const AdminPass& pass);
Result<Response> delete_key(const Call& call, const AdminPass& pass);
Result<Response> get_audit(const Call& call, const AdminPass& pass);

// destinations.cpp
Result<Response> get_destinations(const Call& call, const ActivatePass& pass);
Result<Response> get_destination(const Call& call, const ActivatePass& pass);
Result<Response> get_destination_status(const Call& call, const ActivatePass& pass);
Result<Response> put_destination(const Call& call, const ActivatePass& pass);
Result<Response> delete_destination(const Call& call, const ActivatePass& pass);

// syncs.cpp
Result<Response> get_syncs(const Call& call, const ActivatePass& pass);
Result<Response> get_sync(const Call& call, const ActivatePass& pass);
Result<Response> put_sync(const Call& call, const ActivatePass& pass);
Result<Response> delete_sync(const Call& call, const ActivatePass& pass);
Result<Response> post_sync_run(const Call& call, const ActivatePass& pass);
Result<Response> post_sync_resync(const Call& call, const ActivatePass& pass);
Result<Response> post_sync_cancel(const Call& call, const ActivatePass& pass);
Result<Response> get_sync_live(const Call& call, const ActivatePass& pass);
Result<Response> get_sync_preview(const Call& call, const ActivatePass& pass);
Result<Response> post_sync_pause(const Call& call, const ActivatePass& pass);
Result<Response> post_checkpoint(const Call& call, const AdminPass& pass);
Result<Response> post_compact(const Call& call, const AdminPass& pass);
Result<Response> get_encryption(const Call& call, const AdminPass& pass);  // encryption.cpp
Result<Response> post_rotate(const Call& call, const AdminPass& pass);
Result<Response> post_sync_resume(const Call& call, const ActivatePass& pass);
Result<Response> get_sync_runs(const Call& call, const ActivatePass& pass);
Result<Response> get_sync_ledger(const Call& call, const ActivatePass& pass);
Result<Response> get_sync_person(const Call& call, const ActivatePass& pass);
Result<Response> get_dead_letters(const Call& call, const ActivatePass& pass);
Result<Response> get_recipes(const Call& call, const ActivatePass& pass);
Result<Response> get_recipe(const Call& call, const ActivatePass& pass);
Result<Response> post_render(const Call& call, const ActivatePass& pass);
Result<Response> post_replay(const Call& call, const ActivatePass& pass);
Result<Response> get_jobs(const Call& call, const ActivatePass& pass);
Result<Response> get_job(const Call& call, const ActivatePass& pass);

// experiments.cpp
Result<Response> get_holdout(const Call& call, const ActivatePass& pass);
Result<Response> put_holdout(const Call& call, const ActivatePass& pass);
Result<Response> get_sync_split(const Call& call, const ActivatePass& pass);
Result<Response> get_sync_lift(const Call& call, const ActivatePass& pass);

}  // namespace muster::server
