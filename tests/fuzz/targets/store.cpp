// The files of a store, read from a directory in memory. The first byte says how the rest becomes files:
//   bit 0  lines are sealed here, for a checksum would keep every other input out;
//   bit 1  records get the id of their parameters, which is a hash as well;
//   bit 2  records.jsonl is packed with zstd here;
//   bit 3  the rest is records.jsonl.zst as it is, and other bits say nothing.
// A zero byte ends a file: records, stops, sessions, records of a second shard. A store may be refused as damaged; one that
// is read keeps its promises to those who use it.

#include <fcntl.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "../input.hpp"
#include "core/errors.hpp"
#include "core/files.hpp"
#include "sweep/record.hpp"
#include "sweep/store_files.hpp"

using namespace kvfrontier;
using core::Json;
using fuzz::require;
namespace fs = std::filesystem;

namespace {

// A directory in memory for this process, where there is one, and gone with it.
class Directory {
 public:
  Directory() {
    const fs::path memory = fs::is_directory("/dev/shm") ? "/dev/shm" : fs::temp_directory_path();
    std::string name = memory / "kvfrontier-fuzz-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) std::abort();
    path = name;
  }
  ~Directory() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  // Files of the last input that this one lacks are removed.
  void fill(const std::vector<std::pair<std::string, std::string>>& files) {
    for (const std::string& name : names_) {
      if (std::none_of(files.begin(), files.end(), [&](const auto& file) { return file.first == name; }))
        core::remove_file(path / name);
    }
    names_.clear();
    for (const auto& [name, bytes] : files) {
      core::File(path / name, O_WRONLY | O_CREAT | O_TRUNC).write(bytes);
      names_.push_back(name);
    }
  }
  fs::path path;

 private:
  std::vector<std::string> names_;
};

// The text with every line that could be an object sealed. A last line without its end stays as it is: it was cut off.
std::string sealed_lines(std::string_view text, bool seal, bool ids) {
  std::string sealed;
  for (auto end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    std::string line(text.substr(0, end));
    text.remove_prefix(end + 1);
    if (ids) {
      Json json = Json::parse(line, nullptr, false);
      if (json.is_object() && json.contains("parameters")) {
        json["point"] = sweep::point_id(json["parameters"]);
        line = json.dump();
      }
    }
    sealed += seal && !line.empty() ? sweep::sealed(line) : line + '\n';
  }
  return sealed.append(text);
}

std::string packed(const std::string& text) {
  std::string bytes(ZSTD_compressBound(text.size()), '\0');
  bytes.resize(ZSTD_compress(bytes.data(), bytes.size(), text.data(), text.size(), 1));
  return bytes;
}

// nullopt for a store that was refused as documented.
std::optional<sweep::Store> read(const fs::path& directory) {
  try {
    return sweep::read_store(directory, [](const std::string& warning) { require(!warning.empty(), "a warning"); });
  } catch (const core::StoreError&) {
  } catch (const core::UserError&) {
  }
  return std::nullopt;
}

// What readers of a store ask of it. Each may find a record damaged.
void use(const sweep::Store& store) {
  std::size_t records = 0, of_sessions = 0;
  for (const auto& [session, count] : store.session_records()) of_sessions += count;
  for (const auto& [id, point] : store.points) {
    require(point.size() > 0, "a point of a store has records");
    records += point.size();
    try {
      const auto all = point.all();
      require(all.size() == point.size(), "all records of a point");
      require(store.counted_records(id).size() <= point.leading().size(), "counted records are leading ones");
      for (const sweep::Record& record : all) {
        require(record.point == id && record.trial >= 0, "a record is where it belongs");
        for (const auto part : {+[](const sweep::Record& one) { sweep::game_of(one); },
                                +[](const sweep::Record& one) { sweep::point_of(one); },
                                +[](const sweep::Record& one) { sweep::identity_of(one); },
                                +[](const sweep::Record& one) { sweep::failure_of(one); }}) {
          try {
            part(record);
          } catch (const core::StoreError&) {
          }
        }
      }
    } catch (const core::StoreError&) {
    }
  }
  require(records == store.record_count() && records == of_sessions, "records are counted once");
}

// The lines that a merge would write.
std::string written(const sweep::Store& store) {
  std::string lines;
  store.write_records([&](std::string_view line) { lines += line; });
  return lines;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Directory directory;
  fuzz::Input input(data, size);
  const std::uint8_t how = input.byte();
  std::vector<std::pair<std::string, std::string>> files;
  if (how & 8) {
    files.emplace_back("records.jsonl.zst", input.rest());
  } else {
    std::string_view rest = input.rest();
    for (const char* const name : {"records.jsonl", "stops.jsonl", "sessions.jsonl", "records.2-of-2.jsonl"}) {
      const auto end = std::min(rest.find('\0'), rest.size());
      files.emplace_back(name, sealed_lines(rest.substr(0, end), how & 1, how & 2));
      if (end == rest.size()) break;
      rest.remove_prefix(end + 1);
    }
    if (how & 4) files[0] = {"records.jsonl.zst", packed(files[0].second)};
  }
  directory.fill(files);
  const auto store = read(directory.path);
  if (!store) return 0;
  use(*store);
  const std::string lines = written(*store);
  directory.fill({{"records.jsonl", lines}});
  const auto again = read(directory.path);
  require(again.has_value(), "records that are written are read again");
  require(written(*again) == lines, "records that are read are written as the same lines");
  return 0;
}
