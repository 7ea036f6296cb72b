// SPDX-License-Identifier: Apache-2.0
#include "wire/curve_keys.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "configs/yaml_reader.h"

namespace clew::wire {
namespace {
constexpr std::size_t key_characters = 40;
constexpr std::size_t key_bytes = 32;

ErrorKind kind_of(int error) {
    return error == EACCES || error == EPERM || error == EROFS ? ErrorKind::not_allowed : ErrorKind::failed;
}
}  // namespace

Result<CurveKeyPair> make_curve_keys() {
    char public_key[key_characters + 1];
    char secret_key[key_characters + 1];
    if (zmq_curve_keypair(public_key, secret_key) != 0)
        return fail(ErrorKind::failed, "this libzmq was built without CURVE; install one that has it");
    return CurveKeyPair{public_key, secret_key};
}

bool is_curve_key(const std::string& text) {
    std::uint8_t raw[key_bytes];
    return text.size() == key_characters && zmq_z85_decode(raw, text.c_str()) != nullptr;
}

Result<void> write_curve_keys(const std::string& path, const CurveKeyPair& keys) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
        return fail(kind_of(errno), "cannot make the key file '" + path + "' (" + std::strerror(errno) +
                                        "); name a new file in a directory you may write to");
    // Z85 uses no quote and no backslash, so that plain double quotes hold it.
    const std::string text = "public: \"" + keys.public_key + "\"\nsecret: \"" + keys.secret_key + "\"\n";
    const bool written = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    const bool closed = ::close(file) == 0;
    if (written && closed) return {};
    ::unlink(path.c_str());
    return fail(ErrorKind::failed, "cannot write the key file '" + path + "' (" + std::strerror(errno) + ")");
}

Result<CurveKeyPair> read_curve_keys(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0)
        return fail(kind_of(errno), "cannot read the key file '" + path + "' (" + std::strerror(errno) +
                                        "); 'clew keys new FILE' makes one");
    if (status.st_mode & (S_IRWXG | S_IRWXO))
        return fail(ErrorKind::not_allowed, "the key file '" + path + "' can be read by others; run chmod 600 on it");
    auto map = configs::YamlMap::parse_file(path);
    if (!map) return tl::make_unexpected(map.error());
    CurveKeyPair keys;
    map->require("public");
    map->require("secret");
    map->take("public", keys.public_key);
    map->take("secret", keys.secret_key);
    if (auto finished = map->finish(); !finished) return tl::make_unexpected(finished.error());
    if (!is_curve_key(keys.public_key) || !is_curve_key(keys.secret_key))
        return fail(ErrorKind::failed,
                    "the key file '" + path + "' holds no CURVE key pair; each key has 40 characters of Z85");
    return keys;
}

}  // namespace clew::wire
