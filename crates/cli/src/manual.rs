//! What the command line says of itself: completions for shells, and man pages.

use crate::{
    args::{Args, Completions, Manual},
    failure::{Exit, Failure},
    measure,
    summary::print,
};
use clap::{Command, CommandFactory};
use std::{fs, io};

/// Prints the completions for a shell.
pub(crate) fn completions(args: &Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "apsides", &mut script);
    print(String::from_utf8_lossy(&script).trim_end())
}

/// Writes a page for the program and for each of its commands into a folder, which is made if it is not there.
pub(crate) fn manual(args: &Manual) -> Result<(), Failure> {
    let unwritable = |error: io::Error| {
        let message = format!("could not write the man pages to {}: {error}", args.folder.display());
        Failure::new(Exit::Destination, message).next("check the folder, its permissions and its free space")
    };
    fs::create_dir_all(&args.folder).map_err(unwritable)?;
    let mut command = Args::command().disable_help_subcommand(true);
    command.build();
    let mut pages = vec![("apsides".to_owned(), command.clone())];
    add_pages(&command, "apsides", &mut pages);
    for (name, command) in &pages {
        let mut page = Vec::new();
        clap_mangen::Man::new(command.clone()).render(&mut page).map_err(unwritable)?;
        fs::write(args.folder.join(format!("{name}.1")), page).map_err(unwritable)?;
    }
    let count = measure::count(pages.len() as u64);
    eprintln!("{count} pages in {}; try: man {}", args.folder.display(), args.folder.join("apsides.1").display());
    Ok(())
}

/// The pages of the commands below one, and below those.
fn add_pages(command: &Command, words: &str, pages: &mut Vec<(String, Command)>) {
    for each in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        // In the usage stands the program's name and the command's; in the page's name, they are one word.
        let usage = format!("{words} {}", each.get_name());
        let name = usage.replace(' ', "-");
        pages.push((name.clone(), each.clone().display_name(name).bin_name(&usage)));
        add_pages(each, &usage, pages);
    }
}
