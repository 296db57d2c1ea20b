const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** First names, the most frequent first; of several scripts and with accents, since searches have to fold them. */
export const firstNames = words(`
  Maria James Anna Mohammed John Sofia David Emma Michael Olivia Wei Daniel Laura Thomas Julia Robert Fatima Alex Sarah Peter
  Yuki Andreas Elena José Lukas Nina Ahmed Chloé Paul Marta Jean Ivan Zoë Kevin Leila Marek Priya Hugo Ines Oscar Amélie Ravi
  Björn Aisha Carlos Hannah Stefan Mei Jonas Clara Luis Eva Tomás Ingrid Samuel Noor Ömer Agnieszka Felix Lucía Erik Camille
  Nikolai Rosa Sven Giulia Diego Petra Anton Layla Jakub Beatriz Simon Élodie Victor Hana Matteo Freya Pavel Irina Øyvind Zainab
  Max Alice Dmitri Greta Kofi Amara Håkan Sinéad Tariq Ewa Bruno Ximena Ольга Иван Анна Дмитрий`);

/** Family names, the most frequent first. */
export const lastNames = words(`
  Smith Müller García Johnson Wang Martin Rossi Silva Nguyen Kowalski Schmidt Brown Lopez Petrov Ali Jones Dubois Kim Novák
  Andersson Fernández Williams Tanaka Schneider Khan Hernández Weber Davis Costa Ivanova Becker Singh Moreau Santos Wagner Miller
  Svensson Haddad Ricci Çelik Wilson Gómez Hoffmann Lee Bernard Sokolov Taylor Jansen Romero Fischer Okafor Dvořák Hansen Marino
  Bauer Moreno Clark Laurent Park Zieliński Thompson Papadopoulos Koch Vargas Øster Kaya Walker Lefèvre Chen Popescu Virtanen
  Richter Castro Hall Fournier Mäkinen Kovács Young Ortiz Nakamura Schröder Mensah Allen Girard Yılmaz Lindqvist Ferreira Wolf
  King Horvat Suzuki Delgado O'Connor Björk Abbas Vogel Scott Ramírez Łukasik Nilsson Green Torres Mendoza Frank Baker Рахманов
  Смирнова Иванов`);

const providers = words(`
  gmail.com outlook.com yahoo.com hotmail.com icloud.com gmx.de web.de mail.ru qq.com proton.me orange.fr libero.it
  comcast.net t-online.de seznam.cz`);

const trades = words("soft data cloud works labs media systems design trade energy health bank foods logic build mobile print");
const endings = words("com com com de io net org fr co.uk example");

/** Domains, the most frequent first: a few providers that half of the world uses, and a long tail of companies. */
export const createDomains = (companies: number): readonly string[] => [
  ...providers,
  ...Array.from({ length: companies }, (_, index) => {
    const name = lastNames[index % 60]
      ?.toLowerCase()
      .normalize("NFKD")
      .replace(/[^a-z]/g, "");
    return `${name}${trades[index % trades.length]}${index}.${endings[index % endings.length]}`;
  }),
];
