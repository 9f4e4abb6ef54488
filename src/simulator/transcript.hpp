#pragma once
// One game as it was played: what Bob was given and what he answered. A file of it can be decoded again by anyone.

#include <filesystem>
#include <string>
#include <string_view>

#include "core/bits.hpp"
#include "core/matrix.hpp"
#include "simulator/bob.hpp"

namespace kvfrontier::simulator {

struct Transcript {
  schemes::PublicParams params;
  core::BitString message;
  core::RowMatrixD queries, answers;  // nq x d
};

// XXH3-128 of the answers' bytes: two decodings agree to the last bit iff these agree.
std::string answers_digest(const core::RowMatrixD& answers);

// One JSON line (public parameters, sizes, digest of the answers), then the message's words and the queries, native
// little-endian. The answers themselves are not in it. Throws core::UserError or core::MachineError when the file
// cannot be written.
void write_transcript(const Transcript& transcript, const std::filesystem::path& file);

// What a transcript file holds; `digest` is of the answers at the time.
struct StoredGame {
  schemes::PublicParams params;
  core::BitString message;
  core::RowMatrixD queries;
  std::string digest;
};
// Throws core::DataError, which begins with `name`, for a text that is not that of a transcript.
StoredGame parse_transcript(std::string_view text, const std::string& name);
// Throws also core::UserError or core::MachineError for a file that cannot be read.
StoredGame read_transcript(const std::filesystem::path& file);

}  // namespace kvfrontier::simulator
