#include "simulator/bob.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "core/errors.hpp"
#include "schemes/scheme.hpp"
#include "simulator/message.hpp"
#include "simulator/wire.hpp"
#include "simulator/zygote.hpp"

namespace kvfrontier::simulator {
namespace {

using core::Index;

// On the wire, native byte order: a request; then a reply.
struct RequestHeader {
  std::int64_t params_bytes, message_bits, queries, d;
};
enum class Verdict : std::uint64_t { answered, refused, crashed, machine_failed };
struct ReplyHeader {
  Verdict verdict;
  std::uint64_t bytes;  // of the answers, or of the reason; the signal number of a crash
};

void require_shape(const core::RowMatrixD& answers, Index rows, Index columns) {
  const auto text = [](Index r, Index c) { return std::to_string(r) + " x " + std::to_string(c); };
  if (answers.rows() == rows && answers.cols() == columns) return;
  throw GameError("Bob answered " + text(answers.rows(), answers.cols()) + " numbers where " + text(rows, columns) +
                  " were asked for");
}

// Builds the decoder and asks it. Refusals are GameErrors in the words of the row.
core::RowMatrixD answer(const schemes::PublicParams& params, std::shared_ptr<const core::BitString> message,
                        core::RowsViewD queries) {
  const core::BitReader reader(std::move(message));
  const auto overrun = reader.overrun();
  core::RowMatrixD answers;
  try {
    const auto decoder = schemes::Schemes::find(params.scheme, "scheme.name").decoder(params, reader);
    answers = decoder->attend(queries);
  } catch (const core::DataError& error) {
    throw GameError(std::string("DataError: ") + error.what());
  }
  if (*overrun) throw GameError("DataError: the decoder read past the end of the message and went on");
  // Here and not at the other end of the line, where only the number of bytes is left of the shape.
  require_shape(answers, queries.rows(), params.d);
  return answers;
}

// The socket to one Bob. Nothing is left of a Bob who has not answered in full.
class Line {
 public:
  explicit Line(const FreshBob& bob) : bob_(bob) {}
  ~Line() {
    if (bob_) Zygote::end(*bob_);
  }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  void limit(double seconds) {
    deadline_ = std::chrono::steady_clock::now() +
                std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(seconds));
    seconds_ = seconds;
  }
  void send(const void* data, std::size_t size) { check(send_all(bob_->socket, data, size, deadline_)); }
  void receive(void* data, std::size_t size) { check(receive_all(bob_->socket, data, size, deadline_)); }
  void part() { Zygote::part_from(*std::exchange(bob_, std::nullopt)); }

 private:
  void check(Transfer transfer) {
    if (transfer == Transfer::closed) {
      // Crashes he reports himself. Nobody but the kernel, for want of memory, or a person kills with this signal.
      if (Zygote::was_killed(*std::exchange(bob_, std::nullopt)))
        throw core::MachineError("Bob was killed, as the kernel does where memory ends");
      throw GameError("Bob died before he had answered in full");
    }
    if (transfer == Transfer::timed_out) {
      char text[64];
      std::snprintf(text, sizeof(text), "Bob did not answer within %g s", seconds_);
      throw GameError(text);
    }
  }
  std::optional<FreshBob> bob_;
  double seconds_ = 0;
  Deadline deadline_;
};

core::RowMatrixD ask_isolated(const schemes::PublicParams& params, const core::BitString& message,
                              core::RowsViewD queries, double seconds) {
  Line line(Zygote::fresh_bob());
  line.limit(seconds);
  const std::string text = params.to_json().dump();
  const RequestHeader request{std::ssize(text), message.size, queries.rows(), queries.cols()};
  line.send(&request, sizeof(request));
  line.send(text.data(), text.size());
  line.send(message.words.data(), message.words.size() * sizeof(std::uint64_t));
  const core::RowMatrixD flat = queries;
  line.send(flat.data(), flat.size() * sizeof(double));

  ReplyHeader reply;
  line.receive(&reply, sizeof(reply));
  if (reply.verdict == Verdict::crashed) {
    throw GameError("Bob crashed with signal " + std::to_string(reply.bytes) + " (" +
                    strsignal(static_cast<int>(reply.bytes)) + ")");
  }
  if (reply.verdict != Verdict::answered) {
    std::string reason(reply.bytes, ' ');
    line.receive(reason.data(), reason.size());
    line.part();
    if (reply.verdict == Verdict::machine_failed) throw core::MachineError(reason);
    throw GameError(reason);
  }
  const std::size_t expected = static_cast<std::size_t>(queries.rows() * params.d) * sizeof(double);
  if (reply.bytes != expected) {
    throw GameError("Bob answered " + std::to_string(reply.bytes / sizeof(double)) + " numbers where " +
                    std::to_string(expected / sizeof(double)) + " were asked for");
  }
  core::RowMatrixD answers(queries.rows(), params.d);
  line.receive(answers.data(), expected);
  line.part();
  return answers;
}

// Told to the game instead of dying in silence. Only async-signal-safe calls.
void report_crash(int signal) {
  const ReplyHeader reply{Verdict::crashed, static_cast<std::uint64_t>(signal)};
  [[maybe_unused]] const auto written = write(3, &reply, sizeof(reply));
  _exit(1);
}

}  // namespace

core::RowMatrixD ask_bob(const schemes::PublicParams& params, const core::BitString& message, core::RowsViewD queries,
                         const BobPolicy& policy) {
  const core::RowMatrixD answers = policy.isolation == Isolation::always
                                       ? ask_isolated(params, message, queries, policy.seconds)
                                       : answer(params, std::make_shared<const core::BitString>(message), queries);
  if (!answers.allFinite()) throw GameError("Bob answered with a number that is not finite");
  return answers;
}

void serve_one_game(int socket) {
  for (const int signal : {SIGSEGV, SIGABRT, SIGFPE, SIGBUS, SIGILL}) std::signal(signal, report_crash);
  RequestHeader request;
  if (receive_all(socket, &request, sizeof(request)) != Transfer::done) return;
  Verdict verdict = Verdict::refused;
  std::string reason;
  try {
    std::string text(request.params_bytes, ' ');
    auto message = std::make_shared<core::BitString>();
    message->size = request.message_bits;
    message->words.resize((request.message_bits + 63) / 64);
    core::RowMatrixD queries(request.queries, request.d);
    const auto receive = [&](void* data, std::size_t bytes) {
      return receive_all(socket, data, bytes) == Transfer::done;
    };
    if (!receive(text.data(), text.size()) ||
        !receive(message->words.data(), message->words.size() * sizeof(std::uint64_t)) ||
        !receive(queries.data(), static_cast<std::size_t>(queries.size()) * sizeof(double))) {
      return;
    }
    const core::RowMatrixD answers =
        answer(schemes::PublicParams::from_json(core::Json::parse(text)), message, queries);
    const ReplyHeader reply{Verdict::answered, static_cast<std::uint64_t>(answers.size()) * sizeof(double)};
    if (send_all(socket, &reply, sizeof(reply)) == Transfer::done) send_all(socket, answers.data(), reply.bytes);
    return;
  } catch (const GameError& error) {
    reason = error.what();
  } catch (const core::MachineError& error) {
    verdict = Verdict::machine_failed;
    reason = error.what();
  } catch (const std::bad_alloc&) {
    verdict = Verdict::machine_failed;
    reason = "Bob ran out of memory";
  } catch (const std::exception& error) {
    reason = std::string("Bob's decoder failed: ") + error.what();
  }
  const ReplyHeader reply{verdict, reason.size()};
  if (send_all(socket, &reply, sizeof(reply)) == Transfer::done) send_all(socket, reason.data(), reason.size());
  // A request that found no memory is still on its way: whoever sends it must come to read why.
  std::array<char, 4096> rest{};
  while (recv(socket, rest.data(), rest.size(), 0) > 0) {
  }
}

}  // namespace kvfrontier::simulator
