import Foundation
package import Graphs
package import Tensors

/// Samples in a fixed order, each with the class that it is known to have.
///
/// What a data set is follows from its path: a folder with a file `labels.csv` lists its pictures there;
/// a folder with subfolders holds one class in each, as torchvision's `ImageFolder`; any other folder
/// holds pictures without labels; a `.npy` file holds a sample a row, its labels in the file
/// `NAME.labels.npy` beside it; a `.txt` or `.tsv` file holds a sample a line.
public struct DataSet: Sendable {
  /// How samples are found.
  public enum Kind: String, Sendable, Codable {
    /// A folder whose file `labels.csv` names pictures and labels.
    case list
    /// A folder with a subfolder for each class.
    case classFolders = "class-folders"
    /// A folder of pictures without labels.
    case folder
    /// A `.npy` file, a sample a row.
    case array
    /// A text file, a sample a line.
    case lines
  }

  /// One sample.
  public struct Sample: Sendable {
    /// Its place in the data set.
    public let index: Int
    /// What it is called: a path within the folder, or a row or line.
    public let name: String
    /// The SHA-256 digest of its content, in hexadecimal.
    public let digest: String
    /// The class that it is known to have.
    public let label: Int?

    let place: Place
  }

  /// Where the content of a sample is.
  package enum Place: Sendable {
    case file(String)
    case row(Int)
    /// Numbers separated by spaces or commas.
    case numbers(String)
  }

  /// What a sample holds.
  package enum Content: Sendable {
    /// A picture or tensor in a file.
    case file(String)
    case tensor(Tensor)
    case numbers([Double])
  }

  /// The path as given.
  public let path: String
  /// How samples are found.
  public let kind: Kind
  /// All samples.
  public let samples: [Sample]
  /// A digest of the names, contents and labels of all samples.
  public let digest: String
  /// The names of the classes in the order that they were given numbers in, where names and labels did
  /// not say which class is which; else empty.
  package let sortedClasses: [String]

  let rows: NPYRows?

  /// The shape of the array whose rows the samples are; nil where they are none.
  package var arrayShape: Shape? { rows?.shape }

  /// The shape and the type of the elements of that array, as in `40x7 float32`.
  package var arrayDescription: String? { rows?.description }

  /// The shape of the array in a `.npy` file; nil if it cannot be read.
  package static func arrayShape(of path: String) -> Shape? {
    URL(filePath: path).pathExtension.lowercased() == "npy"
      ? try? NPYRows(opening: path).shape : nil
  }

  /// Whether every sample has a label.
  public var isLabelled: Bool { samples.allSatisfy { $0.label != nil } }

  /// The highest label.
  public var highestLabel: Int? { samples.compactMap(\.label).max() }

  init(
    path: String, kind: Kind, entries: [Entry], rows: NPYRows? = nil, digests: [String],
    sortedClasses: [String] = []
  ) {
    self.path = path
    self.sortedClasses = sortedClasses
    self.kind = kind
    self.rows = rows
    let digest = Digest()
    digest.update(kind.rawValue)
    samples = zip(entries, digests).enumerated().map { index, pair in
      let (entry, content) = pair
      digest.update(entry.name)
      digest.update(content)
      digest.update(entry.label.map { "\($0)" } ?? "")
      return Sample(
        index: index, name: entry.name, digest: content, label: entry.label, place: entry.place)
    }
    self.digest = digest.finish()
  }

  /// A sample before its content was looked at.
  struct Entry {
    let name: String
    let label: Int?
    let place: Place
  }

  /// What a sample holds.
  ///
  /// - Throws: `ModelError` if a line holds something else than numbers, or a row is no longer there.
  package func content(of sample: Sample) throws(ModelError) -> Content {
    switch sample.place {
    case .file(let path): return .file(path)
    case .row(let row):
      guard let rows else { throw ModelError("there are no rows", kind: .fault) }
      return .tensor(try rows.row(row))
    case .numbers(let text): return .numbers(try DataSet.numbers(in: text))
    }
  }
}
