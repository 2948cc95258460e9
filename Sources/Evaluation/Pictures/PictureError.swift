/// Why bytes are not a usable picture, in one line that names no file: the caller knows it.
public enum PictureError: Error, Equatable, Sendable, CustomStringConvertible {
  /// There is no such file.
  case missing
  /// The file cannot be read, with the system's reason.
  case unreadable(String)
  /// More bytes than `Picture.maximumByteCount`.
  case tooManyBytes
  /// There are no bytes.
  case empty
  /// The bytes start like none of the formats; the text says how they start.
  case unknownFormat(String)
  /// The bytes end before the picture does.
  case truncated(PictureFormat)
  /// A header or the pixels break the rules of the format.
  case damaged(PictureFormat, String)
  /// The format allows it, but this program does not read it.
  case unsupported(PictureFormat, String)
  /// More pixels than `Picture.maximumPixelCount`.
  case tooLarge(width: Int, height: Int)

  /// Whether there is no such file, or none that can be read.
  public var isMissingFile: Bool {
    switch self {
    case .missing, .unreadable: true
    default: false
    }
  }

  /// The one line.
  public var description: String {
    switch self {
    case .missing: "there is no such file"
    case .unreadable(let reason): "the file cannot be read: \(reason)"
    case .tooManyBytes:
      "the file is too large; the limit is \(Picture.maximumByteCount) bytes"
    case .empty: "the file is empty"
    case .unknownFormat(let start):
      "not a JPEG, PNG, WebP, BMP, GIF or TIFF picture (the file starts with \(start))"
    case .truncated(let format): "the \(format) picture is truncated"
    case .damaged(let format, let reason):
      "the \(format) picture is damaged" + (reason.isEmpty ? "" : ": \(reason)")
    case .unsupported(let format, let what): "\(what) in a \(format) picture is not supported"
    case .tooLarge(let width, let height):
      "a picture of \(width)x\(height) pixels is too large; "
        + "the limit is \(Picture.maximumPixelCount) pixels"
    }
  }
}
