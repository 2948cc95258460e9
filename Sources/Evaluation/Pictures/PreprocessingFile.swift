internal import Foundation

/// The JSON form of a preprocessing:
///
///     {
///       "resize": {"shortSide": 256},          or {"width": 299, "height": 299}, or null
///       "crop": {"width": 224, "height": 224}, or null
///       "channels": "RGB",                     or "BGR", "gray"
///       "scale": 0.00392156862745098,
///       "mean": [0.485, 0.456, 0.406],
///       "std": [0.229, 0.224, 0.225],
///       "layout": "NCHW"                       or "NHWC"
///     }
///
/// `resize`, `crop` and `layout` may be left out: null, null and NCHW.
extension Preprocessing {
  static let fields = CodingKeys.allCases.map(\.rawValue)

  /// The preset of this name for a model input of this size, or the JSON file at this path.
  public init(
    named name: String, size: Size? = nil, channels: Int = 3, layout: Layout = .nchw
  ) throws(PreprocessingError) {
    if let preset = PreprocessingPreset(rawValue: name) {
      self = try preset.preprocessing(
        height: size?.height, width: size?.width, channels: channels, layout: layout)
    } else if name.hasSuffix(".json") {
      try self.init(contentsOf: name)
    } else {
      throw .unknownPreset(name)
    }
  }

  /// Reads a JSON file.
  public init(contentsOf path: String) throws(PreprocessingError) {
    let bytes: [UInt8]
    do throws(FileFailure) {
      bytes = try fileBytes(path, limit: 1 << 20)
    } catch  where error.isTooLarge {
      throw .notJSON("the file is too large")
    } catch {
      throw error.isMissing ? .missing : .unreadable(error.reason)
    }
    try self.init(json: bytes)
  }

  /// Reads a JSON file's bytes.
  public init(json bytes: [UInt8]) throws(PreprocessingError) {
    do {
      self = try JSONDecoder().decode(Preprocessing.self, from: Data(bytes))
    } catch let error as PreprocessingError {
      throw error
    } catch let DecodingError.keyNotFound(key, context) {
      throw .missingField(Self.name(context.codingPath + [key]))
    } catch let DecodingError.typeMismatch(_, context) {
      throw Self.mistyped(context)
    } catch let DecodingError.valueNotFound(_, context) {
      throw Self.mistyped(context)
    } catch let DecodingError.dataCorrupted(context) where !context.codingPath.isEmpty {
      throw .badValue(field: Self.name(context.codingPath), context.debugDescription)
    } catch {
      throw .notJSON("the text cannot be parsed")
    }
  }

  private static func mistyped(_ context: DecodingError.Context) -> PreprocessingError {
    context.codingPath.isEmpty
      ? .notJSON("the outermost value is not an object")
      : .badValue(field: name(context.codingPath), "the value has the wrong type")
  }

  /// The field at a path, as in `crop.width` or `mean[2]`.
  fileprivate static func name(_ path: [any CodingKey]) -> String {
    path.reduce("") { name, key in
      if let index = key.intValue { return name + "[\(index)]" }
      return name.isEmpty ? key.stringValue : name + "." + key.stringValue
    }
  }
}

extension Preprocessing: Codable {
  private enum CodingKeys: String, CodingKey, CaseIterable {
    case resize, crop, channels, scale, mean, std, layout
  }

  /// Reads and checks the fields.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(strictlyKeyedBy: CodingKeys.self)
    try self.init(
      resize: fields.decodeIfPresent(Resize.self, forKey: .resize),
      crop: fields.decodeIfPresent(Size.self, forKey: .crop),
      channels: fields.decode(Channels.self, forKey: .channels),
      scale: fields.decode(Double.self, forKey: .scale),
      mean: fields.decode([Double].self, forKey: .mean),
      std: fields.decode([Double].self, forKey: .std),
      layout: fields.decodeIfPresent(Layout.self, forKey: .layout) ?? .nchw)
  }

  /// Writes the form that `init(from:)` reads.
  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(resize, forKey: .resize)
    try fields.encode(crop, forKey: .crop)
    try fields.encode(channels, forKey: .channels)
    try fields.encode(scale, forKey: .scale)
    try fields.encode(mean, forKey: .mean)
    try fields.encode(std, forKey: .std)
    try fields.encode(layout, forKey: .layout)
  }
}

extension Preprocessing.Resize: Codable {
  private enum CodingKeys: String, CodingKey, CaseIterable {
    case shortSide, width, height
  }

  /// Reads the lengths in pixels.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(strictlyKeyedBy: CodingKeys.self)
    guard fields.contains(.shortSide) else {
      self = try .exactly(
        width: fields.decodeWhole(.width),
        height: fields.decodeWhole(.height))
      return
    }
    guard fields.allKeys.count == 1 else {
      throw PreprocessingError.badValue(
        field: "resize", "either \"shortSide\" or \"width\" and \"height\"")
    }
    self = try .shortSide(fields.decodeWhole(.shortSide))
  }

  /// Writes the form that `init(from:)` reads.
  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    switch self {
    case .shortSide(let side): try fields.encode(side, forKey: .shortSide)
    case .exactly(let width, let height):
      try fields.encode(width, forKey: .width)
      try fields.encode(height, forKey: .height)
    }
  }
}

extension Preprocessing.Size: Codable {
  private enum CodingKeys: String, CodingKey, CaseIterable {
    case width, height
  }

  /// Reads the lengths in pixels.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(strictlyKeyedBy: CodingKeys.self)
    try self.init(
      width: fields.decodeWhole(.width),
      height: fields.decodeWhole(.height))
  }

  /// Writes the form that `init(from:)` reads.
  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(width, forKey: .width)
    try fields.encode(height, forKey: .height)
  }
}

extension Preprocessing.Channels: Codable {
  /// Reads the name.
  public init(from decoder: any Decoder) throws {
    self = try .init(named: String(from: decoder), field: "channels", of: ["RGB", "BGR", "gray"])
  }
}

extension Preprocessing.Layout: Codable {
  /// Reads the name.
  public init(from decoder: any Decoder) throws {
    self = try .init(named: String(from: decoder), field: "layout", of: ["NCHW", "NHWC"])
  }
}

extension RawRepresentable<String> {
  /// The value of this name, or an error that lists the names.
  fileprivate init(named name: String, field: String, of names: [String]) throws {
    guard let value = Self(rawValue: name) else {
      throw PreprocessingError.badValue(
        field: field, "\"\(name)\" is none of \(names.joined(separator: ", "))")
    }
    self = value
  }
}

extension KeyedDecodingContainer {
  /// A whole number, whether it is written as 3 or as 3.0.
  fileprivate func decodeWhole(_ key: Key) throws -> Int {
    let number = try decode(Double.self, forKey: key)
    guard let whole = Int(exactly: number) else {
      throw PreprocessingError.badValue(
        field: Preprocessing.name(codingPath + [key]), "\(number) is not a whole number")
    }
    return whole
  }
}

extension Decoder {
  /// A container whose fields are all known.
  fileprivate func container<Key: CodingKey>(
    strictlyKeyedBy type: Key.Type
  ) throws -> KeyedDecodingContainer<Key> {
    for key in try container(keyedBy: AnyKey.self).allKeys where Key(stringValue: key.name) == nil {
      throw PreprocessingError.unknownField(Preprocessing.name(codingPath + [key]))
    }
    return try container(keyedBy: type)
  }
}

/// Any field name.
private struct AnyKey: CodingKey {
  let name: String
  var stringValue: String { name }
  var intValue: Int? { nil }
  init(stringValue: String) { name = stringValue }
  init?(intValue: Int) { nil }
}
