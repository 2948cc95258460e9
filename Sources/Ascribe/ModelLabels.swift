import Evaluation
import Foundation
import Graphs
import Kernels
import ONNXFormat
import Tensors

/// The names of a model's scores, where a file has them.
public struct ModelLabels: Sendable {
  /// A name for each score; empty where there are none.
  public let names: [String]
  /// Why the names beside the model are not taken, where they are not.
  public let note: String?
}

extension Model {
  private static let largestLabelFile = 1 << 26

  /// The labels in `path`, one a line; where it is nil, in `MODEL.labels.txt` beside the model, which are
  /// not taken if there are more or fewer of them than scores.
  ///
  /// - Throws: `ModelError` if the file asked for cannot be read, or does not name each score.
  public func labels(_ path: String?) throws -> ModelLabels {
    let beside = url.deletingPathExtension().appendingPathExtension("labels.txt").relativePath
    guard let file = path ?? (FileManager.default.fileExists(atPath: beside) ? beside : nil) else {
      return ModelLabels(names: [], note: nil)
    }
    let lines = try Self.lines(of: file)
    let names = Array(lines[..<(lines.lastIndex { !$0.isEmpty }.map { $0 + 1 } ?? 0)])
    guard !names.isEmpty, let count = scoreCount ?? inferredScoreCount,
      !(names.count...max(names.count, lines.count)).contains(count)
    else { return ModelLabels(names: names, note: nil) }
    let reason =
      "it names \(names.count) \(names.count == 1 ? "class" : "classes"), the model gives \(count) "
      + (count == 1 ? "score" : "scores")
    guard path == nil else {
      throw ModelError("\(reason); name a file with a line for each", kind: .usage, file: file)
    }
    return ModelLabels(names: [], note: "\(file) is not read: \(reason)")
  }

  /// The lines of a file without the spaces around them.
  private static func lines(of file: String) throws -> [String] {
    let bytes = try map(file)
    guard bytes.count <= largestLabelFile else {
      throw ModelError("the file is too large to hold labels", file: file)
    }
    guard let text = bytes.withBytes({ String(validating: $0, as: UTF8.self) }) else {
      throw ModelError("the labels are not UTF-8 text", file: file)
    }
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    let isEnded = lines.count > 1 && lines.last?.isEmpty == true
    return (isEnded ? lines.dropLast() : lines[...]).map { $0.trimmingCharacters(in: .whitespaces) }
  }

  /// The scores of a sample, where the file does not say how many they are and its nodes do.
  private var inferredScoreCount: Int? {
    guard let graph = try? graph.specializedToDefaults(in: Workspace()),
      let shape = graph.outputs.first.flatMap({ graph.type(of: $0)?.shape }), shape.rank > 1
    else { return nil }
    return shape.dropFirst().reduce(1, *)
  }
}
