// A counted pointer to an immutable object that counts its own holders: 8 bytes a pointer, and the
// object may be followed by its data in one piece of memory.
//
//   class Page : public RefCounted { ... static void destroy(const Page*); };
//   using PagePtr = Ref<const Page>;
//
// Thread safety: as std::shared_ptr: the count is atomic, one Ref belongs to one thread at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace muster {

class RefCounted {
 public:
  RefCounted() = default;
  RefCounted(const RefCounted&) = delete;
  RefCounted& operator=(const RefCounted&) = delete;

 protected:
  ~RefCounted() = default;

 private:
  template <typename T>
  friend class Ref;
  mutable std::atomic<std::uint32_t> holders_{0};
};

template <typename T>
class Ref {
 public:
  Ref() = default;
  Ref(std::nullptr_t) {}  // NOLINT(google-explicit-constructor): null is null.
  explicit Ref(T* object) : object_(object) { hold(); }
  Ref(const Ref& other) : object_(other.object_) { hold(); }
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  ~Ref() { release(); }
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }

  T* get() const { return object_; }
  T* operator->() const { return object_; }
  T& operator*() const { return *object_; }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  void hold() {
    if (object_ != nullptr) object_->holders_.fetch_add(1, std::memory_order_relaxed);
  }
  void release() {
    // The last holder must see all that the others did with the object.
    if (object_ != nullptr && object_->holders_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      T::destroy(object_);
    }
  }

  T* object_ = nullptr;
};

}  // namespace muster
