// Lists of objects, such as the items of an order, as columns over their elements.
//
// The index keeps them as texts of JSON, each distinct one once. Here they are taken apart: every
// element is a row, every field of the objects a column ("price", "size.width" for nested ones).
// A condition on elements is answered once per distinct text, however many events have it.
// Thread safety: ObjectTable immutable; ObjectStore any thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/time.h"
#include "index/dictionary.h"
#include "index/schema.h"

namespace muster::query {

struct ObjectColumn {
  // Inferred as columns of a table are; Json for values that have no common type, and for lists.
  index::FieldType type;
  index::Dictionary dictionary;        // Of texts.
  std::vector<std::int64_t> keys;      // By element: order keys, or codes of texts.
  std::vector<std::uint64_t> present;  // A bit per element.
};

struct ObjectTable {
  std::vector<std::uint32_t> first{0};  // By text: its first element; the last one is the end.
  std::map<std::string, std::shared_ptr<const ObjectColumn>> columns;  // By path in the object.

  std::uint32_t texts() const { return static_cast<std::uint32_t>(first.size() - 1); }
  std::uint32_t elements() const { return first.back(); }
  std::uint32_t elements_of(std::uint32_t text) const { return first[text + 1] - first[text]; }
};

// The tables made so far: what was taken apart for one question serves the next, and only new
// texts are read again.
class ObjectStore {
 public:
  ObjectStore();
  ~ObjectStore();

  // The table of at least the texts of this snapshot; times without a zone are of `workspace`.
  // Cost: about 1 us for each text not seen before, and a copy of the columns when there was one.
  std::shared_ptr<const ObjectTable> of(const index::Dictionary& texts, const Zone& workspace);

 private:
  struct Entry;
  std::mutex mutex_;  // Guards all; held while new texts are read.
  std::map<const void*, std::unique_ptr<Entry>> entries_;  // By identity of the dictionary.
  std::uint64_t uses_ = 0;
};

}  // namespace muster::query
