#include "tools/io/npz.h"

#include <unistd.h>
#include <zip.h>

#include <limits>
#include <memory>

#include "base/error.h"
#include "base/text.h"
#include "tools/io/file.h"

namespace ndl::tools {
namespace {

struct DiscardArchive {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
struct CloseEntry {
  void operator()(zip_file_t* entry) const { zip_fclose(entry); }
};
struct FreeSource {
  void operator()(zip_source_t* source) const { zip_source_free(source); }
};
using Archive = std::unique_ptr<zip_t, DiscardArchive>;
using Entry = std::unique_ptr<zip_file_t, CloseEntry>;
using Source = std::unique_ptr<zip_source_t, FreeSource>;

// Deflate cannot expand a byte to more than this many.
constexpr std::uint64_t kMaxExpansion = 1032;
constexpr int kListedKeys = 20;
// An archive without entries, which libzip does not write: the end of a directory, all of it zero.
constexpr std::string_view kEmptyArchive("PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22);

Archive open_archive(const std::string& path) {
  InputFile file(path, FileKind::kRegular);
  const int descriptor = file.release();
  int code = 0;
  Archive archive(zip_fdopen(descriptor, 0, &code));
  if (archive == nullptr) {
    ::close(descriptor);
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    const std::string reason = zip_error_strerror(&error);
    zip_error_fini(&error);
    throw_error<IoError>("cannot read '{}': {}", display_path(path), reason);
  }
  return archive;
}

std::string_view key_of(std::string_view entry_name) {
  if (entry_name.ends_with(".npy")) entry_name.remove_suffix(4);
  return entry_name;
}

[[noreturn]] void throw_missing_key(zip_t* archive, const std::string& path,
                                    const std::string& key) {
  const zip_int64_t count = zip_get_num_entries(archive, 0);
  std::string keys;
  for (zip_int64_t i = 0; i < count; ++i) {
    if (i == kListedKeys) {
      keys += ", ...";
      break;
    }
    const char* name = zip_get_name(archive, static_cast<zip_uint64_t>(i), 0);
    keys += fmt::format("{}{}", i == 0 ? "" : ", ", excerpt(key_of(name == nullptr ? "" : name)));
  }
  throw_error<IoError>("'{}' has no '{}'; it has: {}", display_path(path), excerpt(key),
                       keys.empty() ? "nothing" : keys);
}

// Refuses what cannot be: an entry that says to be larger than its bytes can expand to.
void check_entry(const zip_stat_t& stat, const std::string& name) {
  constexpr zip_uint64_t kNeeded = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
  if ((stat.valid & kNeeded) != kNeeded) throw_error<IoError>("{}: damaged entry", name);
  if ((stat.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && stat.encryption_method != ZIP_EM_NONE) {
    throw_error<UnsupportedError>("{}: encrypted", name);
  }
  if (stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE) {
    throw_error<UnsupportedError>("{}: compression method {} is neither stored nor deflated", name,
                                  stat.comp_method);
  }
  const bool stored = stat.comp_method == ZIP_CM_STORE;
  const bool fits =
      stored ? stat.size == stat.comp_size : stat.size / kMaxExpansion <= stat.comp_size;
  if (!fits || stat.size > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    throw_error<IoError>("{}: {} bytes cannot hold {}", name, stat.comp_size, stat.size);
  }
}

[[noreturn]] void throw_write_error(std::string_view reason) {
  throw_error<IoError>("cannot make an .npz archive: {}", reason);
}

}  // namespace

ir::Literal read_npz(const std::string& path, const std::string& key, const TypeCheck& check) {
  const Archive archive = open_archive(path);
  zip_int64_t index = zip_name_locate(archive.get(), (key + ".npy").c_str(), 0);
  if (index < 0) index = zip_name_locate(archive.get(), key.c_str(), 0);
  if (index < 0) throw_missing_key(archive.get(), path, key);
  const auto entry_index = static_cast<zip_uint64_t>(index);

  const std::string name = fmt::format("{}:{}", display_path(path), excerpt(key));
  zip_stat_t stat;
  zip_stat_init(&stat);
  if (zip_stat_index(archive.get(), entry_index, 0, &stat) != 0) {
    throw_error<IoError>("{}: {}", name, zip_strerror(archive.get()));
  }
  check_entry(stat, name);
  const Entry entry(zip_fopen_index(archive.get(), entry_index, 0));
  if (entry == nullptr) throw_error<IoError>("{}: {}", name, zip_strerror(archive.get()));

  const auto read = [&](void* data, std::size_t count) {
    std::size_t total = 0;
    while (total < count) {
      const zip_int64_t got =
          zip_fread(entry.get(), static_cast<char*>(data) + total, count - total);
      if (got < 0) throw_error<IoError>("{}: {}", name, zip_file_strerror(entry.get()));
      if (got == 0) break;
      total += static_cast<std::size_t>(got);
    }
    return total;
  };
  ir::Literal literal = decode_npy({name, static_cast<std::int64_t>(stat.size), read}, check);
  // The checksum is compared when the end is read.
  char beyond = 0;
  if (read(&beyond, 1) != 0) throw_error<IoError>("{}: longer than its entry says", name);
  return literal;
}

std::string encode_npz(const std::vector<std::pair<std::string, ir::Literal>>& arrays) {
  if (arrays.empty()) return std::string(kEmptyArchive);
  zip_error_t error;
  zip_error_init(&error);
  const Source result(zip_source_buffer_create(nullptr, 0, 0, &error));
  if (result == nullptr) throw_write_error(zip_error_strerror(&error));
  Archive archive(zip_open_from_source(result.get(), ZIP_TRUNCATE, &error));
  if (archive == nullptr) throw_write_error(zip_error_strerror(&error));
  zip_source_keep(result.get());  // once for the archive, once for us

  std::vector<std::string> contents;  // libzip reads them when the archive is closed
  contents.reserve(arrays.size());
  for (const auto& [key, literal] : arrays) {
    const std::string& bytes = contents.emplace_back(encode_npy(literal));
    zip_source_t* source = zip_source_buffer(archive.get(), bytes.data(), bytes.size(), 0);
    const zip_int64_t index = zip_file_add(archive.get(), (key + ".npy").c_str(), source, 0);
    if (index < 0) {
      zip_source_free(source);
      throw_write_error(zip_strerror(archive.get()));
    }
    const auto entry = static_cast<zip_uint64_t>(index);
    constexpr zip_uint16_t kFirstOfJanuary1980 = 1 << 5 | 1;
    zip_set_file_compression(archive.get(), entry, ZIP_CM_STORE, 0);
    zip_file_set_dostime(archive.get(), entry, 0, kFirstOfJanuary1980, 0);
  }
  if (zip_close(archive.get()) != 0) throw_write_error(zip_strerror(archive.get()));
  archive.release();

  zip_stat_t stat;
  zip_stat_init(&stat);
  if (zip_source_stat(result.get(), &stat) != 0 || zip_source_open(result.get()) != 0) {
    throw_write_error(zip_error_strerror(zip_source_error(result.get())));
  }
  std::string bytes(stat.size, '\0');
  const zip_int64_t got = zip_source_read(result.get(), bytes.data(), bytes.size());
  zip_source_close(result.get());
  if (got != static_cast<zip_int64_t>(bytes.size())) throw_write_error("short read");
  return bytes;
}

}  // namespace ndl::tools
