// The audit: an honest store passes, and each way of forging 0.9 N d bits at error 0 is convicted by a named guard.

#include <fstream>

#include "../support/catch.hpp"
#include "made_up.hpp"
#include "process.hpp"
#include "sweep/record_line.hpp"

namespace kvfrontier::end_to_end::audit {
namespace {

struct Honest {
  Folder folder;
  std::string out = folder / "out";
  std::vector<Json> records;
  Honest() {
    const std::string config = folder.write(
        "config.json",
        std::string(R"({"experiment": "index_frontier", "seed": 2, "grid": {"n": 8, "d": 16, "rate": [0.5, 1],
      "scheme": ["bitpack", {"name": "uniform", "keys": "public"}, "exact"]}, "queries": 64, "stop": {"max_trials": 8}})"));
    // One thread: records are in the order of their trials.
    REQUIRE(kvfrontier({"run", config, "--out", out, "--threads", "1"}).code == 0);
    records = records_of(out);
  }
  // The first record of bitpack at rate 1: N d bits, error 0.
  Json& full_bitpack() {
    const auto record = std::find_if(records.begin(), records.end(), [](const Json& candidate) {
      const Json& parameters = candidate.at("parameters");
      return parameters.at("scheme").at("name") == "bitpack" && parameters.at("rate") == 1.0;
    });
    REQUIRE(record != records.end());
    REQUIRE(record->at("data").at("message_bits") == 336);
    REQUIRE(mean_of(*record, "error") == 0.0);
    return *record;
  }
  Finished audit() const {
    std::ofstream stream(out + "/records.jsonl");
    for (const Json& record : records) stream << sweep::sealed_line(record);
    stream.close();
    return kvfrontier({"audit", out});
  }
};

void require_finding(const Finished& finished, const std::string& point, const std::string& says) {
  INFO(finished.out << finished.err);
  CHECK(finished.code == 3);
  CHECK_THAT(finished.out, Contains(point) && Contains(says));
}

// A record that is not read as a game at all.
void require_damaged(const Finished& finished, const std::string& point, const std::string& says) {
  INFO(finished.out << finished.err);
  CHECK(finished.code == 3);
  CHECK_THAT(finished.err, Contains(point) && Contains(says) && Contains("the record was edited or is damaged"));
}

}  // namespace

TEST_CASE("an honest store passes the audit", "[end_to_end]") {
  const Honest honest;
  const Finished finished = honest.audit();
  INFO(finished.out);
  CHECK(finished.code == 0);
  CHECK_THAT(finished.out,
             Contains("audited 32 measured trials of 5 points: 0 findings; nearest to its floor: gap 1.0000"));
}

TEST_CASE("an edited record is convicted by ledger, size formula and its own sums", "[end_to_end]") {
  const core::Bits short_bits = 302;  // floor(0.9 * 336)
  Honest honest;
  const Json genuine = honest.full_bitpack();
  const std::string point = genuine.at("point");
  Json& record = honest.full_bitpack();

  record["data"]["message_bits"] = short_bits;
  require_finding(honest.audit(), point, "trial 0: the ledger books 336 bits, the message has 302");
  record["data"]["ledger"]["values"] = short_bits;
  require_finding(honest.audit(), point, "trial 0: the message has 302 bits, the size formula gives 336");

  const auto edited = [&](const std::string& place, const Json& value, const std::string& says) {
    record = genuine;
    record["data"][Json::json_pointer(place)] = value;
    require_finding(honest.audit(), point, says);
  };
  edited("/formula_bits", short_bits, "the message has 336 bits, the size formula gives 302");
  edited("/peak_state_bits", 10, "the message has 336 bits, the largest state only 10");
  edited("/map_errors/0", 1.0, "error 0 does not follow from 1 wrong rows of 64");
  edited("/metrics/error/mean", 0.25, "error 0.25 does not follow from 0 wrong rows of 64");
  edited("/metrics/error/mean", -0.25, "error -0.25 is no share of bits");
  edited("/metrics/error/count", 8, "error is a mean over 8 rows where 64 were asked for");
  edited("/information_bits", 300, "an instance of these parameters holds 336 bits, the record says 300");
  edited("/value_bits", 2, "values of this family have 1 bits, the record says 2");
  edited("/queried_rows", 8, "the record counts 8 queried rows, its parameters ask for 64");
  edited("/map_errors/2", -0.5, "map 2 has -0.5 wrong rows of ");
  edited("/map_rows/0", 999, "queried rows, the record counts 64");
  edited("/map_errors", {0.0, 0.0}, "the record has errors of 2 maps and rows of 3, its sides are 3 maps");
  edited("/distortion_floor", "gaussian", "the distortion floor of this family is none, the record says gaussian");
  edited("/floor_kind", "entropy", "there is a size formula, but the floor is not that of fixed lengths");
  const auto without = [&](const std::vector<std::string>& members, const std::string& says) {
    record = genuine;
    for (const std::string& member : members) REQUIRE(record["data"].erase(member) == 1);
    require_finding(honest.audit(), point, says);
  };
  without({"map_rows"}, "the record has errors of 3 maps and rows of 0, its sides are 3 maps");
  without({"map_errors", "map_rows"}, "the record has errors of 0 maps and rows of 0, its sides are 3 maps");
  without({"formula_bits"}, "the floor is that of fixed lengths, but there is no size formula");
  record = genuine;
  record["data"]["metrics"].erase("error");
  require_damaged(honest.audit(), point, "data.metrics.error: found nothing");
  // The two sums agree, and a map has more errors than rows.
  record = genuine;
  record["data"]["map_errors"] = {30.0, 0.0, 0.0};
  record["data"]["metrics"]["error"]["mean"] = 30.0 / 64;
  require_finding(honest.audit(), point, "map 0 has 30 wrong rows of ");
  // Message, ledger and size formula agree with each other, and not with the other trials of the point.
  record = genuine;
  for (const char* member : {"message_bits", "formula_bits", "peak_state_bits"}) record["data"][member] = short_bits;
  record["data"]["ledger"]["values"] = short_bits;
  require_finding(honest.audit(), point, "formula_bits is 302, 336 in trial 1");
  edited("/label", "bitpack plus", "label is \"bitpack plus\", \"bitpack\" in trial 1");
  edited("/stored_keys", true, "stored_keys is true, false in trial 1");
  record = genuine;
  CHECK(honest.audit().code == 0);
}

TEST_CASE("a forgery that is consistent with itself lies below the floor", "[end_to_end]") {
  // 0.9 N d bits at error 0 in eight trials: ledger, formula and point id all agree.
  const Json parameters = resolved(R"({"n": 8, "d": 16, "scheme": {"name": "bitpack", "bits": 302}})").at(0);
  const auto audit = [&](const Json& forged, core::Bits bits, double error, bool formula = true) {
    simulator::GameRecord game = made_up_game(parameters, bits, error);
    CHECK(game.formula_bits == 302);
    if (!formula) {
      game.formula_bits.reset();
      game.floor_kind = simulator::FloorKind::entropy;
    }
    game.information_bits = forged.at("tokens").get<core::Bits>() * forged.at("d").get<core::Bits>();
    const Folder folder;
    std::string text;
    for (int trial = 0; trial < 8; ++trial) text += sweep::sealed_line(record_of(forged, trial, game).to_json());
    folder.write("records.jsonl", text);
    return kvfrontier({"audit", folder.path().string()});
  };
  CHECK(parameters.at("scheme").at("options").at("bits") == 302);
  require_finding(audit(parameters, 302, 0), sweep::point_id(parameters), "302 bits at error at most 0.0");
  require_finding(audit(parameters, 302, 0), sweep::point_id(parameters), "lie below the floor of");
  // What bitpack really does with these bits, 5 % errors, is fine.
  CHECK(audit(parameters, 302, 0.05).code == 0);
  // The same by a scheme that nobody knows, with and without a size formula.
  Json unknown = parameters;
  unknown["scheme"]["name"] = "miracle";
  require_finding(audit(unknown, 302, 0, false), sweep::point_id(unknown), "302 bits at error at most 0.0");
  require_finding(audit(unknown, 302, 0, false), sweep::point_id(unknown), "lie below the floor of");
  require_finding(audit(unknown, 302, 0), sweep::point_id(unknown), "lie below the floor of");
  CHECK(audit(unknown, 302, 0.05, false).code == 0);
  // Or by claiming a smaller instance than its maps hold.
  Json smaller = parameters;
  smaller["tokens"] = 18;
  require_finding(audit(smaller, 302, 0.05), sweep::point_id(smaller), "its parameters are impossible");
  Json maps = parameters;
  maps["sides"] = {4, 2};
  require_damaged(audit(maps, 302, 0.05), sweep::point_id(maps), "allowed: increasing sides from 1 to");
}

}  // namespace kvfrontier::end_to_end::audit
