#pragma once
// The pyramid of token maps. A visual autoregressive model emits maps of sides s_1 < s_2 < ... < s_K = n. The cache
// that is handed over before the last map holds N = sum_{k<K} s_k^2 tokens, map by map and in raster order inside a
// map.

#include <string>
#include <vector>

#include "core/matrix.hpp"
#include "core/members.hpp"

namespace kvfrontier::geometry {

using core::Index;

struct Position {
  int map = 0;  // the map, counted from 0
  int row = 0, column = 0;
};

class Schedule {
 public:
  // No maps and no tokens: the size formula of a scheme then gives its fixed cost.
  Schedule() = default;
  // Throws ConfigError at `path` unless `sides` holds at least two sides, positive and increasing, the last at most
  // 16384.
  Schedule(std::string name, std::vector<int> sides, const std::string& path = "schedule");

  // Named schedules: "doubling" (1, 2, 4, ..., n; n a power of two >= 2), "one_step" (1, n; n >= 2), and the published
  // "var256" (n = 16), "var512" (n = 32), "infinity" (n = 64), which fix n; for these `n` may be 0. Throws ConfigError
  // at `path` that says what is allowed.
  static Schedule named(const std::string& name, int n, const std::string& path = "schedule");
  static std::vector<std::string> names();
  // Side of the last map that `name` fixes, or 0 where n is free.
  static int fixed_side(const std::string& name);

  const std::string& name() const { return name_; }
  const std::vector<int>& sides() const { return sides_; }
  int n() const { return sides_.back(); }
  int map_count() const { return std::ssize(sides_) - 1; }  // cached maps: all but the last
  Index tokens() const { return first_.back(); }            // N
  Index first_token(int map) const { return first_[map]; }  // first_token(map_count()) == tokens()
  // The map of a token and its place in it; 0 <= token < tokens().
  int map_of(Index token) const;
  Position position(Index token) const;

 private:
  std::string name_;
  std::vector<int> sides_;
  std::vector<Index> first_{0};
};

}  // namespace kvfrontier::geometry

// {"name": "doubling", "sides": [1, 2, 4]}
template <>
struct kvfrontier::core::JsonForm<kvfrontier::geometry::Schedule> {
  static void describe(Option& option);
  static Json to_json(const geometry::Schedule& schedule);
  static geometry::Schedule from_json(const Json& json, const std::string& path);
};
