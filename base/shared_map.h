// A map that its copies share until one of them is changed: copying costs nothing however large.
//
// Thread safety: as a map: any threads may read and copy it while none changes it; a copy of its
// own may be changed meanwhile.
#pragma once

#include <atomic>
#include <cstddef>
#include <map>
#include <memory>

namespace muster {

template <typename Key, typename Value>
class SharedMap {
 public:
  using Map = std::map<Key, Value>;

  SharedMap() = default;
  SharedMap(const SharedMap& other) : map_(other.shared()) {}
  SharedMap& operator=(const SharedMap& other) {
    map_ = other.shared();
    is_shared_ = true;
    return *this;
  }
  ~SharedMap() = default;

  auto begin() const { return map().begin(); }
  auto end() const { return map().end(); }
  auto find(const Key& key) const { return map().find(key); }
  auto lower_bound(const Key& key) const { return map().lower_bound(key); }
  std::size_t size() const { return map_->size(); }
  // Whether neither has been changed since one was a copy of the other.
  bool is_same(const SharedMap& other) const { return map_ == other.map_; }

  // To be changed, until it is copied again.
  // Cost: that of a copy, the first time since it was copied or became one.
  Map& change() {
    if (is_shared_) map_ = std::make_shared<Map>(*map_);
    is_shared_ = false;
    return *map_;
  }

 private:
  const Map& map() const { return *map_; }
  std::shared_ptr<Map> shared() const {
    is_shared_ = true;
    return map_;
  }

  std::shared_ptr<Map> map_ = std::make_shared<Map>();
  // Not from the number of owners: another thread may be just letting go.
  mutable std::atomic<bool> is_shared_ = true;
};

}  // namespace muster
