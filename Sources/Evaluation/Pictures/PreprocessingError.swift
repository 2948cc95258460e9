/// Why a preprocessing cannot be made or applied, in one line that names no file.
public enum PreprocessingError: Error, Equatable, Sendable, CustomStringConvertible {
  /// There is no such file.
  case missing
  /// The file cannot be read, with the system's reason.
  case unreadable(String)
  /// There is neither a preset nor a file of this name.
  case unknownPreset(String)
  /// The text is not JSON, or not an object.
  case notJSON(String)
  /// A field that no preprocessing has.
  case unknownField(String)
  /// A field that every preprocessing needs is not there.
  case missingField(String)
  /// A field has a value that makes no sense, with the reason.
  case badValue(field: String, String)
  /// A preset for three channels was asked to fill another number of them.
  case wrongChannelCount(preset: String, Int)
  /// The preprocessed picture does not have the size that the model takes.
  case wrongSize(actual: Preprocessing.Size, expected: Preprocessing.Size)
  /// The picture is so long that resizing its short side would make it too large.
  case tooLong(width: Int, height: Int, side: Int)
  /// A tensor does not have the shape or type of a picture.
  case notAPicture(String, expected: String)

  /// Whether there is no such file, or none that can be read.
  public var isMissingFile: Bool {
    switch self {
    case .missing, .unreadable: true
    default: false
    }
  }

  /// Whether the preprocessing asked for makes no sense, rather than the file that holds it.
  public var isUsage: Bool {
    switch self {
    case .unknownPreset, .wrongChannelCount: true
    default: false
    }
  }

  /// The one line.
  public var description: String {
    switch self {
    case .missing: "there is no such preprocessing file"
    case .unreadable(let reason): "the preprocessing file cannot be read: \(reason)"
    case .unknownPreset(let name):
      "'\(name)' is no preprocessing; give "
        + PreprocessingPreset.allCases.map(\.rawValue).joined(separator: ", ")
        + " or a JSON file that ends in .json"
    case .notJSON(let reason): "not a JSON object of preprocessing fields: \(reason)"
    case .unknownField(let field):
      "unknown field \"\(field)\"; the fields are "
        + Preprocessing.fields.joined(separator: ", ")
    case .missingField(let field): "the field \"\(field)\" is missing"
    case .badValue(let field, let reason): "field \"\(field)\": \(reason)"
    case .wrongChannelCount(let preset, let count):
      "preset '\(preset)' makes 3 channels and the model takes \(count); "
        + "use 'unit', 'raw' or a JSON file"
    case .wrongSize(let actual, let expected):
      "the preprocessed picture has \(actual.width)x\(actual.height) pixels and the model takes "
        + "\(expected.width)x\(expected.height); set \"crop\" to that size"
    case .tooLong(let width, let height, let side):
      "a picture of \(width)x\(height) pixels is too long to bring its short side to \(side)"
    case .notAPicture(let tensor, let expected):
      "a \(tensor) tensor is not a picture of \(expected)"
    }
  }
}
