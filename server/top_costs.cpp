#include "server/top_costs.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace muster::server {

bool TopCosts::promote(const std::string& cause, const std::map<std::string, double>& totals) {
  if (own_.size() >= own_max_) {
    const auto costs_less = [&](const auto& a, const auto& b) {
      return totals.at(a.first) < totals.at(b.first);
    };
    const auto least = std::min_element(own_.begin(), own_.end(), costs_less);
    if (totals.at(cause) <= 2 * totals.at(least->first)) return false;
    own_.erase(least);
  }
  own_.emplace(cause, 0);
  return true;
}

void TopCosts::update(const std::map<std::string, double>& totals) {
  std::erase_if(own_, [&](const auto& entry) { return !totals.contains(entry.first); });
  std::vector<std::pair<double, std::string>> by_cost;
  for (const auto& [cause, total] : totals) by_cost.emplace_back(total, cause);
  std::sort(by_cost.rbegin(), by_cost.rend());
  for (const auto& [total, cause] : by_cost) {
    const auto before = seen_.find(cause);
    const bool is_anew = before == seen_.end() || total < before->second;
    const double added = is_anew ? total : total - before->second;
    if (added <= 0) continue;
    if (own_.contains(cause) || promote(cause, totals)) {
      own_[cause] += added;
    } else {
      other_ += added;
    }
  }
  seen_ = totals;
}

}  // namespace muster::server
