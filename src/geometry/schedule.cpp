#include "geometry/schedule.hpp"

#include <algorithm>
#include <bit>
#include <cassert>

#include "core/errors.hpp"

namespace kvfrontier::geometry {
namespace {

constexpr int largest_side = 16384;

// The published side lists. Sources: VAR (Tian et al. 2024), patch_nums of the 256 and 512 pixel models; Infinity (Han
// et al. 2024), square maps of the 1M (1024 pixel) model.
struct Published {
  const char* name;
  std::vector<int> sides;
};

const std::vector<Published>& published() {
  static const std::vector<Published> list = {
      {"infinity", {1, 2, 4, 6, 8, 12, 16, 20, 24, 32, 40, 48, 64}},
      {"var256", {1, 2, 3, 4, 5, 6, 8, 10, 13, 16}},
      {"var512", {1, 2, 3, 4, 6, 9, 13, 18, 24, 32}},
  };
  return list;
}

std::string quoted(const std::string& name, int n) {
  return '"' + name + "\" with n = " + std::to_string(n);
}

}  // namespace

Schedule::Schedule(std::string name, std::vector<int> sides, const std::string& path)
    : name_(std::move(name)), sides_(std::move(sides)) {
  if (sides_.size() < 2) {
    throw core::ConfigError(path, std::to_string(sides_.size()) + (sides_.size() == 1 ? " side" : " sides"),
                            "at least two sides: the last map and at least one that is cached before it");
  }
  const int count = std::ssize(sides_);
  for (int k = 0; k < count; ++k) {
    const int least = k == 0 ? 1 : sides_[k - 1] + 1;
    if (sides_[k] >= least && sides_[k] <= largest_side) continue;
    throw core::ConfigError(path + '[' + std::to_string(k) + ']', std::to_string(sides_[k]),
                            "increasing sides from 1 to " + std::to_string(largest_side) +
                                (k == 0 ? "" : ", here more than " + std::to_string(sides_[k - 1])));
  }
  for (int k = 0; k + 1 < count; ++k) first_.push_back(first_.back() + Index{sides_[k]} * sides_[k]);
}

Schedule Schedule::named(const std::string& name, int n, const std::string& path) {
  for (const Published& schedule : published()) {
    if (name != schedule.name) continue;
    if (n != 0 && n != schedule.sides.back()) {
      throw core::ConfigError(path, quoted(name, n),
                              "n = " + std::to_string(schedule.sides.back()) + ", which " + name + " fixes");
    }
    return Schedule(name, schedule.sides, path);
  }
  if (name == "one_step") {
    if (n < 2 || n > largest_side) {
      throw core::ConfigError(path, quoted(name, n), "n from 2 to " + std::to_string(largest_side));
    }
    return Schedule(name, {1, n}, path);
  }
  if (name == "doubling") {
    if (n < 2 || n > largest_side || !std::has_single_bit<unsigned>(n)) {
      std::string allowed = "n a power of two from 2 to " + std::to_string(largest_side);
      if (n > 2 && n < largest_side) {
        const unsigned below = std::bit_floor<unsigned>(n);
        allowed += " (nearest: " + std::to_string(below) + " or " + std::to_string(2 * below) + ")";
      }
      throw core::ConfigError(path, quoted(name, n), allowed);
    }
    std::vector<int> sides;
    for (int side = 1; side <= n; side *= 2) sides.push_back(side);
    return Schedule(name, std::move(sides), path);
  }
  std::string allowed;
  for (const std::string& known : names()) allowed += (allowed.empty() ? "" : ", ") + known;
  throw core::ConfigError(path, '"' + name + '"', allowed, core::nearest_name(name, names()));
}

std::vector<std::string> Schedule::names() {
  std::vector<std::string> list = {"doubling", "one_step"};
  for (const Published& schedule : published()) list.emplace_back(schedule.name);
  std::sort(list.begin(), list.end());
  return list;
}

int Schedule::fixed_side(const std::string& name) {
  for (const Published& schedule : published()) {
    if (name == schedule.name) return schedule.sides.back();
  }
  return 0;
}

int Schedule::map_of(Index token) const {
  assert(token >= 0 && token < tokens());
  return std::upper_bound(first_.begin(), first_.end(), token) - first_.begin() - 1;
}

Position Schedule::position(Index token) const {
  const int map = map_of(token);
  const Index inside = token - first_token(map);
  const int side = sides_[map], row = inside / side, column = inside % side;
  return {map, row, column};
}

}  // namespace kvfrontier::geometry

namespace kvfrontier::core {
namespace {

struct ScheduleForm {
  std::string name;
  std::vector<int> sides;
  static MemberList<ScheduleForm> members() {
    return {member("name", &ScheduleForm::name, "name of the schedule").needed(),
            member("sides", &ScheduleForm::sides, "sides of the token maps, the last one included").needed()};
  }
};

}  // namespace

void JsonForm<geometry::Schedule>::describe(Option& option) {
  option.type = Option::Type::structured;
  option.allowed = "the name and the sides of a schedule";
}
Json JsonForm<geometry::Schedule>::to_json(const geometry::Schedule& schedule) {
  return core::to_json(ScheduleForm{schedule.name(), schedule.sides()});
}
geometry::Schedule JsonForm<geometry::Schedule>::from_json(const Json& json, const std::string& path) {
  const auto form = core::from_json<ScheduleForm>(json, path);
  return {form.name, form.sides, path};
}

}  // namespace kvfrontier::core
