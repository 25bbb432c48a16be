// Streams the members of a segment in the format that was asked for.
//
// Thread safety: any thread; one stream one thread at a time.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/http/router.h"
#include "server/http/message.h"

namespace muster::server {

enum class MembersFormat { Ndjson, Csv, Roaring };

// Profiles of one piece of a stream: some 500 KB of NDJSON with a few fields.
inline constexpr std::size_t kMembersPiece = 8'192;

struct MembersRequest {
  engine::Question question;
  MembersFormat format = MembersFormat::Ndjson;
  std::vector<std::string> fields;
  std::string cursor;
  std::uint64_t limit = 0;  // 0: everybody.
};

// A saved segment as it was. `asked`: without fields; its question is not looked at.
struct PastRequest {
  std::string segment;
  engine::PastMoment moment;
  MembersRequest asked;
};

// Errors: InvalidArgument with the nearest name.
Result<MembersFormat> members_format(std::string_view name);

// 200 with the headers X-Count (of the whole segment), X-Snapshot, X-As-Of, and X-Next-Cursor when
// a limit left somebody out. A cursor keeps the time of its first page, not its snapshot.
// Errors: those of Engine::members and rows; InvalidArgument for a cursor of another question.
Result<Response> members_reply(const Call& call, const Pass<Permission::Members>& pass,
                               const MembersRequest& asked);

// ?at= of a saved segment's past: a number is an offset of the change stream, else it is a time.
// Errors: InvalidArgument.
Result<engine::PastMoment> parse_past(std::string_view at);

// 410 where that is the error; else the error.
Result<Response> past_refused(const Call& call, Error error);

// As members_reply(), with the headers X-Count, X-As-Of and X-Offset; a cursor keeps the offset.
// 410 for a moment before the changes that are kept.
// Errors: those of Engine::members_at; InvalidArgument for a cursor of another segment.
Result<Response> past_members_reply(const Call& call, const Pass<Permission::Members>& pass,
                                    const PastRequest& past);

}  // namespace muster::server
