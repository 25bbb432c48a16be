// Destinations and syncs as answers.
//
// Thread safety: any thread.
#pragma once

#include <string>
#include <vector>

#include "connect/views.h"
#include "server/routes/reply.h"

namespace muster::server {

// {"id", "version", "changed", and the members of the document, secrets already masked}.
inline std::string view_json(const connect::DocumentView& view) {
  return document_json({.kind = {}, .id = view.id, .json = view.json, .version = view.version,
                        .changed = view.changed});
}

// 201 for a first version, else 200.
inline Response view_reply(const connect::DocumentView& view) {
  Response response = json_reply(view_json(view));
  response.status = view.version == 1 ? 201 : 200;
  return response;
}

inline Response views_reply(const Page& page, const std::vector<connect::DocumentView>& views) {
  std::vector<std::string> ids, items;
  for (const connect::DocumentView& view : views) {
    ids.push_back(view.id);
    items.push_back(view_json(view));
  }
  return page_reply(page, ids, items);
}

}  // namespace muster::server
