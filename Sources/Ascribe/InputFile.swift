public import Evaluation
import Foundation
import Graphs
import ONNXFormat
public import Tensors

/// What a file gives a model's input: rows of numbers and, for a picture, what the model sees of it.
public struct ModelInput: Sendable {
  /// The name of the file without folder and ending, which names the outputs.
  public let stem: String
  /// The file, as given.
  public let path: String
  /// A batch: the first dimension counts the samples.
  public let tensor: Tensor
  /// The picture as cropped for the model, where the file is one.
  public let picture: Picture?
  /// How pixels became numbers, where the file is a picture.
  public let preprocessing: Preprocessing?

  /// The name of a file without folder and ending.
  public static func stem(of path: String) -> String {
    URL(filePath: path).deletingPathExtension().lastPathComponent
  }

  /// Whether a file is read as a picture, by its ending.
  public static func isPicture(_ path: String) -> Bool {
    !["npy", "pb"].contains(URL(filePath: path).pathExtension.lowercased())
  }
}

/// How pictures become the input of a model.
public struct PictureRule: Sendable {
  /// The steps from pixels to numbers.
  public let preprocessing: Preprocessing
  /// A preset's name or a file's path, for reports.
  public let name: String
  /// Whether the rule was neither asked for nor found beside the model.
  public let isGuess: Bool
}

extension Model {
  /// The rule for pictures: what `name` says (a preset or a JSON file); else the file
  /// `MODEL.preprocess.json` beside the model; else `imagenet`, or `unit` for one channel.
  ///
  /// - Parameter port: the input that takes the pictures; nil for the first.
  /// - Throws: `ModelError` if there is no such preset or the file is not sound.
  public func pictureRule(
    _ name: String?, for port: ModelPort? = nil
  ) throws -> PictureRule {
    let port = port ?? inputs.first
    var file = name.flatMap { $0.hasSuffix(".json") ? $0 : nil }
    do throws(PreprocessingError) {
      if let name {
        return PictureRule(preprocessing: try preset(name, port), name: name, isGuess: false)
      }
      let beside = url.deletingPathExtension().appendingPathExtension("preprocess.json")
      if FileManager.default.fileExists(atPath: beside.path) {
        file = beside.relativePath
        return PictureRule(
          preprocessing: try Preprocessing(contentsOf: beside.path),
          name: beside.lastPathComponent, isGuess: false)
      }
      let guess = port?.channelCount == 1 ? "unit" : "imagenet"
      return PictureRule(preprocessing: try preset(guess, port), name: guess, isGuess: true)
    } catch {
      let kind: ModelError.Kind =
        error.isMissingFile ? .noInput : error.isUsage ? .usage : .badData
      throw ModelError(error.description, kind: kind, file: kind == .usage ? nil : file)
    }
  }

  /// The preset or file with this name, for the pictures that an input takes.
  private func preset(
    _ name: String, _ port: ModelPort?
  ) throws(PreprocessingError) -> Preprocessing {
    try Preprocessing(
      named: name, size: port?.pictureSize, channels: port?.channelCount ?? 3,
      layout: port?.hasChannelsLast == true ? .nhwc : .nchw)
  }

  /// Reads a picture, `.npy` or `.pb` file for an input of the model.
  ///
  /// A tensor of the input's rank is a batch; of one rank less, one sample.
  ///
  /// - Throws: `ModelError` if the file does not exist, is none of these, holds NaN or numbers that the
  ///   input's type has not, or does not fit the input.
  public func input(contentsOf path: String, for port: ModelPort, rule: PictureRule) throws
    -> ModelInput
  {
    let stem = ModelInput.stem(of: path)
    switch URL(filePath: path).pathExtension.lowercased() {
    case "npy":
      let tensor = try numbers(try Self.readNPY(path), for: port, path)
      return ModelInput(stem: stem, path: path, tensor: tensor, picture: nil, preprocessing: nil)
    case "pb":
      let tensor = try numbers(try Self.readTensor(path), for: port, path)
      return ModelInput(stem: stem, path: path, tensor: tensor, picture: nil, preprocessing: nil)
    default:
      return try picture(contentsOf: path, stem: stem, for: port, rule.preprocessing)
    }
  }

  /// What an input takes for a tensor of numbers that it can be: fused kernels may take NaN for 0.
  private func numbers(_ given: Tensor, for port: ModelPort, _ path: String) throws -> Tensor {
    let tensor = try fitted(given, to: port, path)
    if let fault = tensor.fault(comingFrom: given.doubles) { throw ModelError(fault, file: path) }
    return tensor
  }

  private func picture(
    contentsOf path: String, stem: String, for port: ModelPort, _ preprocessing: Preprocessing
  ) throws -> ModelInput {
    do {
      let picture = try preprocessing.cropped(try Self.picture(contentsOf: path))
      return ModelInput(
        stem: stem, path: path, tensor: try tensor(of: picture, for: port, preprocessing, path),
        picture: picture, preprocessing: preprocessing)
    } catch let error as PreprocessingError {
      throw ModelError(error.description, file: path)
    } catch let error as ModelError {
      throw error.inFile(path)
    }
  }

  /// Reads a picture.
  static func picture(contentsOf path: String) throws(ModelError) -> Picture {
    do throws(PictureError) {
      return try Picture(contentsOf: path)
    } catch {
      throw ModelError(
        error.description, kind: error.isMissingFile ? .noInput : .badData, file: path)
    }
  }

  /// What an input takes for a picture that is cropped already.
  func tensor(
    of picture: Picture, for port: ModelPort, _ preprocessing: Preprocessing, _ path: String
  ) throws -> Tensor {
    guard port.isPicture || port.dimensions == nil else {
      throw ModelError(
        "input '\(port.name)' takes \(port.typeDescription), which is no picture; "
          + "give it a .npy or .pb file", kind: .usage)
    }
    return try fitted(preprocessing.tensor(ofCropped: picture), to: port, path)
  }

  static func readNPY(_ path: String) throws -> Tensor {
    let bytes = try map(path)
    do {
      return try bytes.withBytes { (bytes) throws(NPYError) in try Tensor(npy: bytes) }
    } catch {
      throw ModelError(error.description, file: path)
    }
  }

  static func readTensor(_ path: String) throws -> Tensor {
    do throws(ModelFileError) {
      return try TensorFile(contentsOf: path).tensor
    } catch {
      throw ModelError(error)
    }
  }

  static func map(_ path: String) throws(ModelError) -> FileBytes {
    do throws(FileProblem) {
      return try FileBytes(mapping: path)
    } catch {
      throw ModelError(error.description, kind: error == .empty ? .badData : .noInput, file: path)
    }
  }

  /// The tensor as a batch in the element type of the input.
  ///
  /// - Parameters:
  ///   - takesIntegers: whether integers and Booleans may become any numbers that are the same.
  ///   - whole: what the file holds, where the tensor is a part of it.
  func fitted(
    _ tensor: Tensor, to port: ModelPort, _ path: String, takesIntegers: Bool = false,
    whole: String? = nil
  ) throws -> Tensor {
    guard let elementType = port.elementType else {
      throw ModelError("the model does not say what input '\(port.name)' holds", file: path)
    }
    let given = tensor
    let misfit = ModelError(
      "input '\(port.name)' takes \(port.typeDescription), not \(whole ?? "\(given)")", file: path)
    let isSameKind =
      given.elementType.isFloatingPoint == elementType.isFloatingPoint
      && (given.elementType == elementType || elementType != .bool)
    guard isSameKind || takesIntegers && !given.elementType.isFloatingPoint else { throw misfit }
    var tensor = given.converted(to: elementType)
    if !given.elementType.isFloatingPoint, given.elementType != elementType,
      let number = given.firstInteger(lostIn: tensor)
    {
      throw ModelError(port.refusal(of: number, elementType), file: path)
    }
    guard let dimensions = port.dimensions else { return tensor }
    if tensor.shape.rank == dimensions.count - 1 {
      tensor = tensor.reshaped(to: Shape([1] + tensor.shape))
    }
    let fits =
      tensor.shape.rank == dimensions.count
      && zip(tensor.shape, dimensions).dropFirst().allSatisfy { $1 == nil || $0 == $1 }
    guard fits, tensor.elementCount > 0 else { throw misfit }
    return tensor
  }
}

extension Tensor {
  /// The first of these integers or Booleans in whose place another tensor holds another number.
  fileprivate func firstInteger(lostIn other: Tensor) -> String? {
    let (mine, others) = (doubles, other.doubles)
    guard other.elementType.isFloatingPoint else {
      return mine.indices.first { mine[$0] != others[$0] }.map {
        Int(exactly: mine[$0]).map(String.init) ?? "\(mine[$0])"
      }
    }
    // Doubles do not tell large integers apart.
    if elementType == .uint64 {
      return zip(elements(as: UInt64.self), others).first { UInt64(exactly: $1) != $0 }.map {
        "\($0.0)"
      }
    }
    return zip(converted(to: .int64).elements(as: Int64.self), others)
      .first { Int64(exactly: $1) != $0 }.map { "\($0.0)" }
  }
}

extension ModelPort {
  /// Why a number is not taken.
  func refusal(of number: String, _ type: ElementType) -> String {
    type == .bool
      ? "input '\(name)' takes Booleans, 0 or 1, not \(number)"
      : "\(number) is none of the \(type) numbers that input '\(name)' takes"
  }
}
