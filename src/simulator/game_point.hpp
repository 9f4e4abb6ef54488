#pragma once
// The parameters of one game: everything but the trial number. Points of index_frontier are these; a record's
// `parameters` are this struct as JSON, with what sweep::Identity adds.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/members.hpp"
#include "reduction/certificate.hpp"
#include "reduction/instance.hpp"
#include "schemes/scheme.hpp"

namespace kvfrontier::simulator {

using core::Bits;
using core::Index;

// An instance family and its resolved options. Options of a family that this program does not know are kept as text.
struct InstanceChoice {
  std::string name = "index";
  core::Options options;
  static core::MemberList<InstanceChoice> members();
};

// A scheme, its resolved options and its version. Options of a scheme or version that this program does not know are
// kept as text.
struct SchemeChoice {
  std::string name;
  core::Options options;
  int version = 1;
  static core::MemberList<SchemeChoice> members();

  // The scheme in this very version; nullptr where this program does not have it.
  const schemes::Scheme* known() const;
};

struct GamePoint {
  InstanceChoice instance;
  std::string schedule = "sides";  // name of the schedule
  std::vector<int> sides;          // of its maps, the last one included
  int n = 0;                       // the last side
  Index tokens = 0;                // N, tokens cached before the last map
  Index d = 0;                     // width of keys and of values
  std::string embedding = "sphere";
  double eta = 0.5;
  double max_tau = 500;
  Index queries = 256, mixture_queries = 16, random_queries = 16;
  int chunk = 64;
  std::optional<double> rate;  // of budgeted points: bits an entry
  reduction::Scaling tau;
  SchemeChoice scheme;
  std::uint64_t seed = 0;
  static core::MemberList<GamePoint> members();

  void set_schedule(const geometry::Schedule& maps);
  geometry::Schedule maps() const { return {schedule, sides}; }

  double entries() const { return 1.0 * tokens * d; }  // N d
  Index all_queries() const { return queries + mixture_queries + random_queries; }
  // floor(rate N d), with room for the rounding of the product; nullopt for a point without a budget.
  std::optional<Bits> budget_bits() const;

  reduction::InstanceParams instance_params() const;
  // What both parties know; tau and coins are still open. Throws core::ConfigError for an unknown instance family.
  schemes::PublicParams public_params() const;

  // Budgeted, and no options of the scheme have a message as short as that: nothing can be played.
  bool is_infeasible() const;
};

// A game as somebody asks for it: the axes of index_frontier.
struct GameRequest {
  core::JsonText instance{"index"};
  std::optional<int> n;
  std::optional<Index> d;
  std::string embedding = "sphere";
  double eta = 0.5;
  core::JsonText schedule{"doubling"};
  reduction::Scaling tau;
  double max_tau = 500;
  std::optional<double> rate;
  core::JsonText scheme;  // a name, or an object with name and options
  Index queries = 256, mixture_queries = 16, random_queries = 16;
  int chunk = 64;
  static core::MemberList<GameRequest> members();
};

// Dotted path of a member of the request, for errors, and whether the user wrote it.
struct RequestPaths {
  std::function<std::string(const std::string& member)> path = [](const std::string& member) { return member; };
  std::function<bool(const std::string& member)> given = [](const std::string&) { return true; };
};

// The point that a request describes: names looked up, defaults filled in, the scheme's options fitted to the budget.
// Throws core::ConfigError at the paths of the request for everything that cannot be played.
GamePoint resolve(const GameRequest& request, const RequestPaths& paths = {});

// Throws core::ConfigError below `path` for a point that this program cannot play: an unknown family or scheme, options
// that its table does not know, or another version of the scheme.
void require_known_options(const GamePoint& point, const std::string& path);

// Declared floating-point operations of one trial and the largest memory it needs, Bob's included, in bytes.
double game_operations(const GamePoint& point);
double game_memory_bytes(const GamePoint& point);

}  // namespace kvfrontier::simulator
