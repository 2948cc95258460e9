import CONNX
import Synchronization

/// Where a tensor's data lies outside of the model's file:
/// <https://onnx.ai/onnx/repo-docs/ExternalData.html>.
struct ExternalLocation: Equatable {
  /// A path relative to the model's folder.
  let location: String
  /// The first byte.
  let offset: UInt64
  /// Bytes; nil if the model does not say.
  let length: UInt64?

  /// Reads the keys. `checksum` is not verified, since that would read whole files, and
  /// `basepath` is for writers; any other key is refused.
  ///
  /// - Throws: what is wrong, as a clause.
  init(_ entries: [(key: String, value: String)]) throws(ExternalDataError) {
    var values: [String: String] = [:]
    for (key, value) in entries {
      guard ["location", "offset", "length", "checksum", "basepath"].contains(key) else {
        throw ExternalDataError(reason: "has external data with the unknown key '\(key)'")
      }
      guard values.updateValue(value, forKey: key) == nil else {
        throw ExternalDataError(reason: "has external data with the key '\(key)' twice")
      }
    }
    guard let location = values["location"] else {
      throw ExternalDataError(reason: "has external data without a location")
    }
    self.location = location
    offset = try Self.number(values, "offset") ?? 0
    length = try Self.number(values, "length")
  }

  private static func number(
    _ values: [String: String], _ key: String
  ) throws(ExternalDataError) -> UInt64? {
    guard let text = values[key] else { return nil }
    let isDecimal = !text.isEmpty && text.utf8.allSatisfy { (48...57).contains($0) }
    guard isDecimal, let number = UInt64(text) else {
      throw ExternalDataError(
        reason: "has external data whose \(key) '\(text)' is no number of bytes")
    }
    return number
  }
}

/// Why external data could not be had; the clause follows the name of the tensor.
struct ExternalDataError: Error, Equatable {
  let reason: String
  /// Whether the file is not there.
  var isMissingFile = false
}

/// The files beside a model that hold its tensors' data, each mapped once.
final class ExternalData: Sendable {
  private let folder: Int32
  private let files = Mutex<[String: FileBytes]>([:])

  /// No folder: every access fails.
  init() { folder = -1 }

  /// The folder that holds the model at `path`.
  init(beside path: String) {
    let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
    folder = connx_open_folder(slash.map { String(path[...$0]) } ?? ".")
  }

  deinit {
    if folder >= 0 { connx_close_folder(folder) }
  }

  /// The file and the slice of it that hold the `byteCount` bytes of a tensor.
  func slice(
    _ place: ExternalLocation, byteCount: Int
  ) throws(ExternalDataError) -> (file: FileBytes, bytes: UnsafeRawBufferPointer) {
    if let length = place.length, length != byteCount {
      throw ExternalDataError(
        reason: "has \(length) bytes of external data where its type and shape need \(byteCount)")
    }
    let file = try file(place.location)
    guard let bytes = file.slice(offset: place.offset, length: UInt64(byteCount)) else {
      throw ExternalDataError(
        reason: """
          has \(byteCount) bytes of external data at offset \(place.offset) of \
          '\(place.location)', which ends after \(file.count)
          """)
    }
    return (file, bytes)
  }

  private func file(_ location: String) throws(ExternalDataError) -> FileBytes {
    guard folder >= 0 else {
      throw ExternalDataError(reason: "has external data, but the model's folder is not at hand")
    }
    return try files.withLock { files throws(ExternalDataError) in
      if let file = files[location] { return file }
      var mapping = connx_mapping()
      let status = connx_map_beside(folder, location, location.utf8.count, &mapping)
      if let problem = FileProblem(status) {
        throw ExternalDataError(
          reason: "has external data in '\(location)': \(problem)",
          isMissingFile: problem == .missing)
      }
      let file = FileBytes(mapping)
      files[location] = file
      return file
    }
  }
}
