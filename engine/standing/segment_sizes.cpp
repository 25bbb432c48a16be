// What readers are told of standing segments: how many are in them, what they cost and weigh.
#include "engine/standing/standing_segments.h"

namespace muster::engine {

namespace {

constexpr std::chrono::seconds kWeighEvery{1};

template <typename Standing>
SegmentSize size_now(const Standing& segment, TimeMs at) {
  return {segment.version, segment.members.count(), segment.entered, segment.left, at,
          segment.failure};
}

}  // namespace

void StandingSegments::share_cost() {
  if (!cost_.is_due()) return;
  double asked = 0, worked_out = 0;
  for (std::uint32_t number = 0; number < conditions_.size(); ++number) {
    asked += conditions_.at(number).asked;
  }
  for (const auto& [id, segment] : segments_) worked_out += segment.worked_out;
  for (auto& [id, segment] : segments_) {
    double share = 0;
    for (const std::uint32_t number : segment.shape.conditions()) {
      const Condition& condition = conditions_.at(number);
      share += condition.asked / condition.users;
    }
    double took = asked == 0 ? 0 : share / asked * static_cast<double>(cost_.asking.count());
    if (worked_out != 0) {
      took += segment.worked_out / worked_out * static_cast<double>(cost_.settling.count());
    }
    segment.worked_out = 0;
    if (took != 0) add_cost(id, std::chrono::nanoseconds(static_cast<std::int64_t>(took)));
  }
  conditions_.forget_asked();
  cost_.shared();
}

void StandingSegments::add_cost(const std::string& segment, std::chrono::nanoseconds took) {
  const std::lock_guard held(mutex_);
  costs_[segment] += took;
}

std::map<std::string, std::chrono::nanoseconds> StandingSegments::costs() const {
  const std::lock_guard held(mutex_);
  return costs_;
}

void StandingSegments::weigh() {
  const auto now = std::chrono::steady_clock::now();
  if (now - weighed_ < kWeighEvery) return;
  weighed_ = now;
  std::uint64_t bytes = conditions_.row_bytes();
  for (const auto& [id, segment] : segments_) bytes += sizeof(segment) + segment.members.bytes();
  for (std::uint32_t number = 0; number < conditions_.size(); ++number) {
    bytes += sizeof(Condition) + conditions_.at(number).people.bytes();
  }
  bytes_ = bytes;
}

void StandingSegments::tell_sizes() {
  weigh();
  std::map<std::string, SegmentSize> sizes;
  for (const auto& [id, segment] : segments_) sizes[id] = size_now(segment, at_);
  is_empty_ = segments_.empty();
  {
    const std::lock_guard held(mutex_);
    std::erase_if(costs_, [&](const auto& cost) { return !sizes.contains(cost.first); });
    current_ = std::move(sizes);
    sizes_ = nullptr;
  }
  ++changes_;
}

void StandingSegments::tell_changed_sizes() {
  weigh();
  {
    const std::lock_guard held(mutex_);
    auto at = current_.end();  // They stand in the order of segments.
    for (const Named* const named : changed_) {
      if (at != current_.end()) ++at;
      if (at == current_.end() || at->first != named->first) {
        at = current_.try_emplace(named->first).first;
      }
      at->second = size_now(named->second, at_);
    }
    sizes_ = nullptr;
  }
  ++changes_;
}

StandingSegments::Sizes StandingSegments::sizes() const {
  const std::lock_guard held(mutex_);
  if (!sizes_) sizes_ = std::make_shared<const std::map<std::string, SegmentSize>>(current_);
  return sizes_;
}

std::optional<SegmentSize> StandingSegments::size_of(const std::string& segment) const {
  const std::lock_guard held(mutex_);
  const auto found = current_.find(segment);
  if (found == current_.end()) return std::nullopt;
  return found->second;
}

}  // namespace muster::engine
