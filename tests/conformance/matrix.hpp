#pragma once
// The conformance matrix: every registered scheme x every registered instance family x small (N, d) x presets of its
// option table x budgets. A new scheme or family is in it by being registered. Passed over are only those
// that need options of the user's (`process`, whose programs have tests of their own), and those whose name starts with
// "cheat_": tests register them in order to see them caught.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "../support/game.hpp"

namespace kvfrontier::tests {

inline constexpr core::Bits unlimited = core::Bits{1} << 50;

// An outside project has its own schemes tested and not the library's: its build names them in
// KVFRONTIER_CONFORMANCE_SCHEMES (CMake's kvfrontier_add_conformance), separated by commas.
std::vector<const schemes::Scheme*> conforming_schemes();

// The schemes in `parts` hands dealt by name. What asks much of each is a TEMPLATE_TEST_CASE_SIG over the parts, so
// that they can run side by side. A project of few schemes leaves some hands empty.
inline constexpr int parts = 4;
std::vector<const schemes::Scheme*> conforming_schemes(int part);

bool is_number(const core::Option& option);

// All combinations of the values that the matrix gives to `options`, on top of `base`, or, where there are more than
// 64, every value once with the others as in `base`, and all last values together.
std::vector<Json> combinations(const Json& base, const std::vector<const core::Option*>& options);

// Presets of an option table: all choices at default numbers; all small numbers at default choices and at the last
// choices.
std::vector<Json> presets(const core::OptionTable& table);

// One game of the matrix.
struct Game {
  const schemes::Scheme* scheme = nullptr;
  const reduction::Instance* instance = nullptr;
  schemes::PublicParams params;
  std::string size;  // least | middle | full | fixed

  std::string text() const;
};

// Every family at N = 1, 4, 5, 21 and several widths; INDEX at every embedding too.
std::vector<std::unique_ptr<reduction::Instance>> small_instances();

// Parameters of a scheme on an instance with resolved options whose sizes may be open.
schemes::PublicParams conformance_params(const schemes::Scheme& scheme, const reduction::Instance& instance,
                                         const Json& options, double tau = 8);

// Does the scheme's own check() turn these parameters down?
bool refused(const schemes::Scheme& scheme, const schemes::PublicParams& params);

// Visits every game of one scheme on `instances`. Options that the scheme's own check() refuses are not games;
// `presets` that are refused everywhere come back, so that nothing is passed over in silence.
std::vector<Json> for_each_game(const schemes::Scheme& scheme,
                                const std::vector<std::unique_ptr<reduction::Instance>>& instances,
                                const std::function<void(const Game&)>& visit);

// Decoders read the same kinds of messages whatever the family: of the others less need be asked.
bool repeats_index(const Game& game);

// Queries at every key, two mixtures and two random directions.
core::RowMatrixD queries_of(const reduction::Instance& instance, double tau);

// What a game does with its blocks of `chunk` tokens, with a look after each of them; then the message.
core::BitWriter stream_through(schemes::PublicParams params, const reduction::Instance& instance, int chunk,
                               const std::function<void(const schemes::Encoder&)>& after_block = {});

// One assertion a game would cost more than the game: the first failures are told, the rest counted. Its end asserts
// that nothing failed and something was looked at.
class Tally {
 public:
  void expect(bool holds, const Game& game, const std::string& what);
  ~Tally() noexcept(false);

 private:
  std::size_t checks_ = 0, failures_ = 0;
};

}  // namespace kvfrontier::tests
