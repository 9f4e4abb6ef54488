// kvfrontier merge: the union of stores.

#include <cstdio>
#include <optional>

#include "cli/arguments.hpp"
#include "cli/verb_list.hpp"
#include "core/errors.hpp"
#include "core/files.hpp"
#include "sweep/planner.hpp"
#include "sweep/store_files.hpp"

namespace kvfrontier::cli {
namespace {

constexpr const char* merge_usage = "merge DIR... --out DIR [--expect CONFIG] [--set path=value]...";

// Largest N of records.I-of-N.jsonl in the directories: how the run was sharded.
int shard_count_of(const std::vector<std::string>& directories) {
  int count = 1;
  for (const auto& directory : directories) {
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
      int index = 0, of = 0;
      if (std::sscanf(entry.path().filename().c_str(), "records.%d-of-%d.jsonl", &index, &of) == 2)
        count = std::max(count, of);
    }
  }
  return count;
}

// Names what a plan expects and the store does not hold. Returns the number of unfinished points.
std::int64_t report_missing(const sweep::Plan& plan, const sweep::Store& store, int shards) {
  std::int64_t missing = 0;
  for (int index = 1; index <= shards; ++index) {
    const auto points = sweep::shard(plan, index, shards);
    const auto unfinished = sweep::standing(plan, points, store).unfinished;
    if (!unfinished.empty()) {
      std::fprintf(stderr, "kvfrontier: shard %d/%d has not finished: %zu of its %zu points, the first is %s\n", index,
                   shards, unfinished.size(), points.size(), unfinished.front().c_str());
    }
    missing += std::ssize(unfinished);
  }
  return missing;
}

int merge(const std::vector<std::string>& arguments) {
  std::string out, expect;
  std::vector<std::string> sets;
  po::options_description flags("flags");
  flags.add_options()("out", po::value(&out), "directory for the union")(
      "expect", po::value(&expect), "a config: name the shards and points that are not finished, exit 1")(
      "set", po::value(&sets)->composing(), "override a value of that config, as in run");
  po::variables_map values;
  if (!parse("merge", merge_usage, flags, "DIR", -1, arguments, values)) return 0;
  required(values, "DIR", "merge");
  if (out.empty()) throw core::UserError("merge: --out is missing; see kvfrontier merge --help");
  const auto directories = values["DIR"].as<std::vector<std::string>>();

  std::optional<sweep::Plan> expected;
  if (!expect.empty()) expected = sweep::load_plan(expect, sets);

  // From before the first record of the target is read until the union is written: nobody may add to what is about to
  // be replaced. A target that does not exist yet is made once the inputs turn out to be sound.
  std::optional<sweep::StoreLock> lock;
  const auto lock_target = [&] { lock.emplace(out, sweep::StoreLock::Kind::merge); };
  if (std::filesystem::is_directory(out)) lock_target();
  sweep::Store store;
  std::vector<std::filesystem::path> superseded;
  const auto read_target = [&](const std::string& directory) {
    const auto before = std::ssize(store.files);
    sweep::read_into(store, directory, warn);
    superseded.assign(store.files.begin() + before, store.files.end());
  };
  bool target_was_read = false;
  for (const auto& directory : directories) {
    const std::size_t before = store.record_count();
    if (lock && !target_was_read && std::filesystem::exists(directory) && std::filesystem::equivalent(directory, out)) {
      target_was_read = true;
      read_target(directory);
    } else {
      sweep::read_into(store, directory, warn);
    }
    if (store.record_count() == before && directories.size() == 1) warn(directory + ": no records here");
  }
  if (!lock) {
    core::make_directory(out);
    lock_target();
  }
  // Nothing already computed is ever lost: records of the target stay in it.
  if (!target_was_read) read_target(out);
  const int shards = shard_count_of(directories);
  std::int64_t missing = 0;
  if (expected) missing = report_missing(*expected, store, shards);
  sweep::write_store(store, out, superseded);
  std::fprintf(stderr, "%zu records of %zu points from %zu sessions -> %s\n", store.record_count(), store.points.size(),
               store.sessions.size(), out.c_str());
  return missing > 0 ? 1 : 0;
}

}  // namespace

Verb merge_verb() {
  return {"merge", merge_usage, "the union of stores; two different records for one trial are an error", merge};
}

}  // namespace kvfrontier::cli
