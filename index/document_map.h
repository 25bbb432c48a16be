// The named documents of a state, by kind and id, each with all its versions.
//
// States share one map until a document changes, so that a commit costs nothing for documents that
// it does not touch.
// Thread safety: readers of a copy share it; the writer's own is one thread's at a time.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"

namespace muster::index {

// A named document of any kind (segment, destination, sync, key, job, list): all its versions.
struct StoredDocument {
  std::uint64_t version = 0;
  TimeMs changed = 0;
  bool deleted = false;
  std::string json;
};
using DocumentVersions = std::vector<std::shared_ptr<const StoredDocument>>;  // Oldest first.

class DocumentMap {
 public:
  using Map =
      std::map<std::pair<std::string, std::string>, std::shared_ptr<const DocumentVersions>>;

  DocumentMap() = default;
  // Both share the map from then on.
  DocumentMap(const DocumentMap& other) : map_(other.map_), is_shared_(true) {
    if (!other.is_shared_) other.is_shared_ = true;  // Only the writer's own ever is not.
  }
  DocumentMap& operator=(const DocumentMap& other) {
    if (this != &other) *this = DocumentMap(other);
    return *this;
  }
  DocumentMap(DocumentMap&&) = default;
  DocumentMap& operator=(DocumentMap&&) = default;
  ~DocumentMap() = default;

  Map::const_iterator begin() const { return map_->begin(); }
  Map::const_iterator end() const { return map_->end(); }
  Map::const_iterator find(const Map::key_type& key) const { return map_->find(key); }
  Map::const_iterator lower_bound(const Map::key_type& key) const {
    return map_->lower_bound(key);
  }
  std::size_t size() const { return map_->size(); }
  // Whether the other is the very same map: no document of either is another one.
  bool is_same(const DocumentMap& other) const { return map_ == other.map_; }

  // The map to change, another one than others have.
  // Cost: a copy of the map where it is shared: once between two states.
  Map& edit() {
    if (is_shared_) map_ = std::make_shared<Map>(*map_);
    is_shared_ = false;
    return *map_;
  }

 private:
  std::shared_ptr<Map> map_ = std::make_shared<Map>();
  mutable bool is_shared_ = false;
};

}  // namespace muster::index
