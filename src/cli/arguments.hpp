#pragma once
// Flags of one verb, on Boost.Program_options, with errors in the user's words.

#include <boost/program_options.hpp>
#include <string>
#include <utility>
#include <vector>

#include "analysis/summary.hpp"
#include "geometry/schedule.hpp"
#include "simulator/bob.hpp"
#include "sweep/resources.hpp"
#include "sweep/store.hpp"

namespace kvfrontier::cli {

namespace po = boost::program_options;

// Parses the arguments after the verb's name. `positional` names the option that takes bare words, at most `most` of them
// (-1: any number). Prints help and returns false for --help. Throws UserError for an unknown flag (with the nearest
// name), a missing or malformed value, or a word too many.
bool parse(const std::string& verb, const std::string& usage, const po::options_description& flags,
           const std::string& positional, int most, const std::vector<std::string>& arguments,
           po::variables_map& values);

// The value of a required word or flag. Throws UserError naming it when it is missing.
std::string required(const po::variables_map& values, const std::string& name, const std::string& verb);

// Parses "I/N" with 1 <= I <= N. Throws UserError.
std::pair<int, int> parse_shard(const std::string& text);

// The number of --threads, or what the process is granted without it. Throws UserError outside 1 to 4096.
sweep::GrantedThreads chosen_threads(const po::variables_map& values);
// "2 threads (SLURM_CPUS_PER_TASK)".
std::string threads_text(const sweep::GrantedThreads& threads);

// Throws UserError with the nearest name unless `value`, given to `flag`, is one of `choices`.
void require_choice(const std::string& flag, const std::string& value, const std::vector<std::string>& choices);

// The schedule of --schedule and --n. Throws ConfigError at the flag that is to blame.
geometry::Schedule parse_schedule(const std::string& name, int n);

// "always" or "never". Throws UserError.
simulator::Isolation parse_isolation(const std::string& text);

// The values of --target-error, which may be given several times: 1/3, 0.1 and 0.01 without it. Throws UserError
// outside (0, 1/2).
std::vector<double> target_errors(const po::variables_map& values);
inline constexpr const char* target_error_help = "bit error to reach, may be repeated; default 1/3, 0.1 and 0.01";

// The store of a directory, for verbs that only read. Throws UserError when it holds no records: nothing is not a result.
sweep::Store read_records(const std::string& directory);

// For verbs that only look at games: throws UserError when `points`, what they found in `directory`, is 0.
void require_games(const std::string& directory, const sweep::Store& store, std::int64_t points);

// The games of a directory, point by point. Throws UserError when it holds none.
struct Games {
  explicit Games(const std::string& directory);
  sweep::Store store;
  std::vector<analysis::PointSummary> points;
};

}  // namespace kvfrontier::cli
